//! What a page says is typed, and what it says is printed.

/// A command of a page.
#[derive(Debug, PartialEq)]
pub struct Step {
    /// Where it is in the page, from 1.
    pub line: usize,
    /// What is typed.
    pub command: String,
    /// What it prints.
    pub printed: String,
}

/// Stands for anything.
const ANYTHING: &str = "…";

/// The commands of a page's `console` blocks.
pub fn steps(page: &str) -> Vec<Step> {
    let (mut steps, mut is_console, mut goes_on) = (Vec::<Step>::new(), false, false);
    for (index, text) in page.lines().enumerate() {
        let last = steps.last_mut();
        match (text.strip_prefix("```"), text.strip_prefix("$ "), last) {
            (Some(block), ..) => (is_console, goes_on) = (block == "console", false),
            _ if !is_console => {}
            (None, Some(command), _) => {
                goes_on = command.ends_with('\\');
                steps.push(Step { line: index + 1, command: command.to_owned(), printed: String::new() });
            }
            (None, None, Some(step)) if goes_on => {
                goes_on = text.ends_with('\\');
                step.command.push('\n');
                step.command.push_str(text);
            }
            (None, None, Some(step)) => {
                step.printed.push_str(text);
                step.printed.push('\n');
            }
            (None, None, None) => panic!("line {}: a block begins with a command, as in `$ dovetail up`", index + 1),
        }
    }
    steps.iter_mut().for_each(|step| step.printed.truncate(step.printed.trim_end().len()));
    steps
}

impl Step {
    /// Whether this is what it is to print.
    pub fn is_met_by(&self, printed: &str) -> bool {
        let (said, printed): (Vec<_>, Vec<_>) = (self.printed.lines().collect(), printed.lines().collect());
        are_met(&said, &printed)
    }
}

fn are_met(said: &[&str], printed: &[&str]) -> bool {
    match said.split_first() {
        None => printed.is_empty(),
        Some((&ANYTHING, rest)) => (0..=printed.len()).any(|skipped| are_met(rest, &printed[skipped..])),
        Some((line, rest)) => {
            printed.split_first().is_some_and(|(first, others)| is_met(line, first) && are_met(rest, others))
        }
    }
}

fn is_met(said: &str, printed: &str) -> bool {
    let (said, printed) = (said.trim_end(), printed.trim_end());
    let Some((before, rest)) = said.split_once(ANYTHING) else { return said == printed };
    let Some(left) = printed.strip_prefix(before) else { return false };
    left.char_indices().map(|(at, _)| at).chain([left.len()]).any(|at| is_met(rest, &left[at..]))
}

#[test]
fn a_page_is_read_as_commands_and_what_they_print() {
    let page = "text\n```sh\nnot typed\n```\n```console\n$ one\nfirst\n\nlast\n\n$ two \\\n  three &\n```\n";
    let step = |line, command: &str, printed: &str| Step { line, command: command.into(), printed: printed.into() };
    assert_eq!(steps(page), [step(6, "one", "first\n\nlast"), step(11, "two \\\n  three &", "")]);
}

#[test]
fn what_is_left_open_may_be_anything_and_the_rest_may_not() {
    let is_met = |said: &str, printed: &str| {
        Step { line: 1, command: String::new(), printed: said.to_owned() }.is_met_by(printed)
    };
    assert!(is_met("", ""));
    assert!(is_met("took … ms, all of …", "took 1.5 ms, all of it"));
    assert!(is_met("first\n…\nlast", "first\na\nb\nlast"));
    assert!(is_met("first\n…\nlast", "first\nlast"));
    for (said, printed) in
        [("", "a"), ("a", ""), ("a … c", "a c"), ("a…", "b"), ("first\n…\nlast", "first\nlast\nmore")]
    {
        assert!(!is_met(said, printed), "{said:?} {printed:?}");
    }
}
