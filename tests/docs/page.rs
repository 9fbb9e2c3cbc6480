//! What a page of the manual asks its reader to do, in order. The fences of a page are of four kinds:
//!
//! 1. ```` ```LANGUAGE NAME ```` is a file of that name, ```` ```LANGUAGE NAME + ```` the end of one that is there. The
//!    line above tells the reader so: it has the name in backticks.
//! 2. ```` ```sh ```` are commands.
//! 3. ```` ```text ```` right after commands are lines that they print, in this order, maybe with others between them;
//!    `…` stands for anything.
//! 4. ```` ```LANGUAGE untried ```` is shown and not done.

/// One thing that a reader does or sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    File { name: String, text: String, more: bool },
    Commands(String),
    Told(Vec<String>),
}

/// The steps of a page.
///
/// # Errors
/// The line of the first fence that is of no kind, and why.
pub fn steps(page: &str) -> Result<Vec<Step>, String> {
    let (mut lines, mut above) = (page.lines().enumerate(), "");
    let mut steps = Vec::new();
    while let Some((index, line)) = lines.next() {
        let Some(info) = line.strip_prefix("```") else {
            if !line.trim().is_empty() {
                above = line;
            }
            continue;
        };
        let mut body = String::new();
        loop {
            match lines.next() {
                Some((_, "```")) => break,
                Some((_, line)) => body.extend([line, "\n"]),
                None => return Err(format!("line {}: the fence has no end", index + 1)),
            }
        }
        let found = step(info, above, body, steps.last());
        steps.extend(found.map_err(|reason| format!("line {}: {reason}", index + 1))?);
        above = "";
    }
    Ok(steps)
}

fn step(info: &str, above: &str, body: String, last: Option<&Step>) -> Result<Option<Step>, String> {
    let words: Vec<&str> = info.split_whitespace().collect();
    let (name, more) = match words.as_slice() {
        [_, "untried"] => return Ok(None),
        ["sh"] => return Ok(Some(Step::Commands(body))),
        ["text"] if matches!(last, Some(Step::Commands(_))) => {
            return Ok(Some(Step::Told(body.lines().map(str::to_string).collect())));
        }
        ["text"] => return Err("no commands stand before what they print".into()),
        [_, name] => (*name, false),
        [_, name, "+"] => (*name, true),
        _ => return Err(format!("`{info}` is no kind of fence")),
    };
    if !above.contains(&format!("`{name}`")) {
        return Err(format!("the line above does not name {name}"));
    }
    Ok(Some(Step::File { name: name.into(), text: body, more }))
}

/// The first of `lines` that is not, in its turn, among what was said.
pub fn missing<'a>(lines: &'a [String], said: &str) -> Option<&'a str> {
    let mut said = said.lines();
    lines.iter().map(|line| line.trim()).find(|line| !said.any(|said| fits(line, said.trim())))
}

/// Whether `line` is `pattern`, in which `…` stands for anything.
fn fits(pattern: &str, line: &str) -> bool {
    let Some((first, others)) = pattern.split_once('…') else { return line == pattern };
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = others.split('…').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# A page\n\nWrite `a/b.txt`:\n\n```toml a/b.txt\none\n\ntwo\n```\n\nand do:\n\n```sh\nls\n```\n\n\
        ```text\na…\n```\n\nMore in `a/b.txt`:\n```toml a/b.txt +\nthree\n```\n\n```js untried\nno\n```\n";

    fn check(page: &str, reason: &str) {
        assert_eq!(steps(page), Err(reason.to_string()), "{page}");
    }

    #[test]
    fn files_commands_and_what_they_print_are_found_in_order() {
        let file = |text: &str, more| Step::File { name: "a/b.txt".into(), text: text.into(), more };
        let expected = [
            file("one\n\ntwo\n", false),
            Step::Commands("ls\n".into()),
            Step::Told(vec!["a…".into()]),
            file("three\n", true),
        ];
        assert_eq!(steps(PAGE).unwrap(), expected);
    }

    #[test]
    fn a_fence_of_no_kind_is_named_by_its_line() {
        check("\n```\nx\n```\n", "line 2: `` is no kind of fence");
        check("```bash\nx\n```\n", "line 1: `bash` is no kind of fence");
        check("`a`\n```js a b\nx\n```\n", "line 2: `js a b` is no kind of fence");
        check("```sh\nls\n", "line 1: the fence has no end");
        check("```text\nx\n```\n", "line 1: no commands stand before what they print");
        check("Write this:\n```js a.js\nx\n```\n", "line 2: the line above does not name a.js");
        check("`a.js`\n```sh\nls\n```\n```js a.js\n```\n", "line 5: the line above does not name a.js");
    }

    #[test]
    fn dots_stand_for_anything_and_nothing_else_does() {
        let check = |pattern, line, expected| assert_eq!(fits(pattern, line), expected, "{pattern} {line}");
        check("installed … bytes in …", "installed 254570 bytes in bnz7o-cai", true);
        check("…<h1>1</h1>", "<title>x</title><h1>1</h1>", true);
        check("…<h1>1</h1>", "<h1>1</h1><p>", false);
        check("a…", "ba", false);
        check("a…b…c", "a-b-c", true);
        check("a…b…c", "a-c-b", false);
        check("…", "", true);
        check("1", "12", false);
        check("aa…a", "aa", false);
    }

    #[test]
    fn lines_are_looked_for_in_their_order() {
        let check = |lines: &[&str], expected: Option<&str>| {
            let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
            assert_eq!(missing(&lines, "npm says\n  one\nnothing\ntwo"), expected, "{lines:?}");
        };
        check(&["one", "two"], None);
        check(&["two", "one"], Some("one"));
        check(&["one", "one"], Some("one"));
        check(&["…says", "t…"], None);
    }
}
