//! What people write: bounds, and words of the index.

use crate::limits::*;
use crate::types::Refusal;

pub fn invalid(what: &str, rule: &str) -> Refusal {
    Refusal::Invalid(format!("{what}: {rule}"))
}

/// A text without leading or trailing space, of `min` to `max` characters, none of them a control character other
/// than a new line.
pub fn tidy(what: &str, text: &str, min: usize, max: usize) -> Result<String, Refusal> {
    let text = text.trim();
    let length = text.chars().count();
    if length < min {
        return Err(invalid(what, "is empty"));
    }
    if length > max {
        return Err(invalid(what, &format!("has {length} characters, at most {max} are allowed")));
    }
    if text.chars().any(|it| it.is_control() && it != '\n') {
        return Err(invalid(what, "holds a control character"));
    }
    Ok(text.to_owned())
}

/// Letters that nobody sees, or that turn others around: a name with them reads as another. Joiners, which scripts and
/// emoji need, are none.
fn misleads(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{61c}' | '\u{feff}' | '\u{200b}' | '\u{200e}' | '\u{200f}')
        || matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{e0000}'..='\u{e007f}')
}

/// A [`tidy`] text of one line, in which every letter can be seen.
pub fn line(what: &str, text: &str, min: usize, max: usize) -> Result<String, Refusal> {
    let text = tidy(what, text, min, max)?;
    if text.contains('\n') {
        return Err(invalid(what, "has more than one line"));
    }
    if text.chars().any(misleads) {
        Err(invalid(what, "holds letters that cannot be seen"))
    } else {
        Ok(text)
    }
}

/// A user's name, in small letters.
pub fn name(text: &str) -> Result<String, Refusal> {
    let name = text.trim().to_ascii_lowercase();
    if !(NAME_MIN..=NAME_MAX).contains(&name.len()) {
        return Err(invalid("name", &format!("has {NAME_MIN} to {NAME_MAX} letters")));
    }
    if !name.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_') {
        return Err(invalid("name", "has only the letters a to z, digits and _"));
    }
    Ok(name)
}

/// A word as the index has it: small letters, at most [`WORD_MAX`] bytes.
fn word(text: &str) -> String {
    let mut word = String::new();
    for letter in text.chars().flat_map(char::to_lowercase).filter(|it| is_letter(*it)) {
        if word.len() + letter.len_utf8() > WORD_MAX {
            break;
        }
        word.push(letter);
    }
    word
}

fn is_letter(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// The words of a text, each once.
pub fn words(text: &str) -> Vec<String> {
    let mut seen = Vec::new();
    for word in text.split(|it| !is_letter(it)).map(word).filter(|it| !it.is_empty()) {
        if seen.len() >= WORDS_MAX {
            break;
        }
        if !seen.contains(&word) {
            seen.push(word);
        }
    }
    seen
}

/// Whether each word of a query begins a word of the text.
pub fn holds(text: &str, query: &str) -> bool {
    let there = words(text);
    words(query).iter().all(|wanted| there.iter().any(|it| it.starts_with(wanted)))
}
