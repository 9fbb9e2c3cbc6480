//! What people write: bounds, hashtags, words of the index.

use crate::limits::*;
use crate::types::Refusal;

fn refusal(what: &str, rule: &str) -> Refusal {
    Refusal::Invalid(format!("{what}: {rule}"))
}

/// A text without leading or trailing space, of `min` to `max` characters, none of them a control character other
/// than a new line.
pub fn tidy(what: &str, text: &str, min: usize, max: usize) -> Result<String, Refusal> {
    let text = text.trim();
    let length = text.chars().count();
    if length < min {
        return Err(refusal(what, "is empty"));
    }
    if length > max {
        return Err(refusal(what, &format!("has {length} characters, at most {max} are allowed")));
    }
    if text.chars().any(|it| it.is_control() && it != '\n') {
        return Err(refusal(what, "holds a control character"));
    }
    Ok(text.to_owned())
}

/// Letters that nobody sees, or that turn others around: a name with them reads as another. Joiners, which scripts and
/// emoji need, are none.
fn misleads(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{61c}' | '\u{feff}' | '\u{200b}' | '\u{200e}' | '\u{200f}')
        || matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{e0000}'..='\u{e007f}')
}

/// The name that people read: a [`tidy`] text of one line, in which every letter can be seen.
pub fn display(text: &str) -> Result<String, Refusal> {
    let what = "display name";
    let text = tidy(what, text, 1, DISPLAY_MAX)?;
    let hides = text.chars().any(|it| it == '\n' || misleads(it));
    if hides { Err(refusal(what, "holds letters that cannot be seen")) } else { Ok(text) }
}

/// A user's name, in small letters.
pub fn name(text: &str) -> Result<String, Refusal> {
    let name = text.trim().to_ascii_lowercase();
    if !(NAME_MIN..=NAME_MAX).contains(&name.len()) {
        return Err(refusal("name", &format!("has {NAME_MIN} to {NAME_MAX} letters")));
    }
    if !name.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_') {
        return Err(refusal("name", "has only the letters a to z, digits and _"));
    }
    Ok(name)
}

/// A word as the index has it: small letters, at most [`WORD_MAX`] bytes.
pub fn word(text: &str) -> String {
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

fn distinct(words: impl Iterator<Item = String>, max: usize) -> Vec<String> {
    let mut seen = Vec::new();
    for word in words.filter(|it| !it.is_empty()) {
        if seen.len() >= max {
            break;
        }
        if !seen.contains(&word) {
            seen.push(word);
        }
    }
    seen
}

/// The words of a text, each once.
pub fn words(text: &str) -> Vec<String> {
    distinct(text.split(|it| !is_letter(it)).map(word), WORDS_MAX)
}

/// The hashtags of a caption, each once, without `#`.
pub fn tags(caption: &str) -> Vec<String> {
    let after_hash = caption.split('#').skip(1);
    distinct(
        after_hash.map(|rest| word(rest.split(|it| !is_letter(it)).next().unwrap_or_default())),
        TAGS_MAX,
    )
}
