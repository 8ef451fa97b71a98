//! What the user reads when a manifest is wrong.

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str};

use super::StoreUrl;
use super::key::KeyPath;
pub use told::Told;

pub(super) mod secrets;
mod told;

/// Everything that is wrong with a manifest, in the order of the file.
///
/// `Display` is plain text; [`render`](Self::render) can colour it.
#[derive(Debug, Clone, Default)]
pub struct Report {
    problems: Vec<Problem>,
}

/// One thing that is wrong: what, where, and what would be right. Passwords in URLs
/// are hidden, whoever put them into its words.
#[derive(Debug, Clone)]
pub struct Problem {
    title: String,
    help: Vec<String>,
    place: Option<Place>,
    /// The key that it is with, as it would be written.
    key: Option<String>,
}

/// The text of a manifest, for problems to quote. It is not shown for debugging.
#[derive(Clone)]
pub(super) struct Source {
    path: Arc<str>,
    text: Arc<str>,
    /// The same without its secrets, each of them replaced by as many bytes.
    shown: Arc<str>,
}

#[derive(Debug, Clone)]
struct Place {
    source: Source,
    /// Nothing if the problem is with the file as a whole.
    span: Option<Range<usize>>,
    label: Option<String>,
    /// What else has to do with it, each with its own label.
    others: Vec<(Range<usize>, String)>,
}

impl Report {
    /// A report of `problems`.
    pub fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(Problem::start);
        Self { problems }
    }

    /// Whether there is nothing to report.
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// The problems, in the order of the file.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The problems, to report together with others.
    pub fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// An error, unless there is nothing to report.
    pub fn into_result(self) -> Result<(), Report> {
        if self.is_empty() { Ok(()) } else { Err(self) }
    }

    /// The report as it is shown, with terminal colours if `color`.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let show = |group: &Group<'_>| {
            let group = renderer.render(std::slice::from_ref(group));
            group.trim_end().to_owned()
        };
        let mut shown: Vec<String> = Vec::new();
        for problem in &self.problems {
            let groups: Vec<String> = problem.groups().iter().map(show).collect();
            shown.push(groups.join("\n"));
        }
        if let count @ 2.. = self.problems.len() {
            let sum = Level::ERROR.primary_title(format!("there are {count} problems"));
            shown.push(show(&Group::with_title(sum)));
        }
        shown.join("\n\n")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Report {}

impl Problem {
    /// A problem that has no place in a file.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: StoreUrl::hide_passwords(&title.into()), help: Vec::new(), place: None, key: None }
    }

    /// A problem at `span` of `source`, or with all of it.
    pub(super) fn at(source: &Source, span: Option<Range<usize>>, title: impl Into<String>) -> Self {
        let place = Place { source: source.clone(), span, label: None, others: Vec::new() };
        Self { place: Some(place), ..Self::new(title) }
    }

    /// What it says, in one line.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Adds what would be right. May be given more than once.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(StoreUrl::hide_passwords(&help.into()));
        self
    }

    /// Says more at the place itself; without a place it is not shown.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        if let Some(place) = &mut self.place {
            place.label = Some(StoreUrl::hide_passwords(&label.into()));
        }
        self
    }

    /// Names the key that it is with.
    pub(super) fn key(self, key: &KeyPath) -> Self {
        Self { key: Some(key.to_string()), ..self }
    }

    /// Shows another place in the same file, which this one conflicts with.
    pub(super) fn other(mut self, span: Option<Range<usize>>, label: impl Into<String>) -> Self {
        if let (Some(place), Some(span)) = (&mut self.place, span) {
            place.others.push((span, label.into()));
        }
        self
    }

    /// Problems with the file as a whole come first.
    fn start(&self) -> Option<usize> {
        let span = self.place.as_ref()?.span.as_ref()?;
        Some(span.start)
    }

    fn groups(&self) -> Vec<Group<'_>> {
        let title = Group::with_title(Level::ERROR.primary_title(self.title.as_str()));
        // Help is printed as it is, and it quotes the manifest.
        let help = self.help.iter().map(|line| printable(line));
        let Some(place) = &self.place else {
            let help = help.map(|line| Group::with_title(Level::HELP.secondary_title(line)));
            return std::iter::once(title).chain(help).collect();
        };
        let shown = title.element(place.element());
        vec![shown.elements(help.map(|line| Level::HELP.message(line)))]
    }
}

impl Place {
    fn element(&self) -> Element<'_> {
        let Some(span) = &self.span else {
            return Origin::path(&*self.source.path).into();
        };
        let here = AnnotationKind::Primary.span(span.clone());
        let others = self.others.iter();
        let others = others.map(|(span, label)| AnnotationKind::Context.span(span.clone()).label(label.as_str()));
        Snippet::source(&*self.source.shown)
            .path(&*self.source.path)
            .annotation(here.label(self.label.as_deref()))
            .annotations(others)
            .into()
    }
}

impl Source {
    pub(super) fn new(path: &Path, text: &str) -> Self {
        let shown = StoreUrl::hide_passwords(text).into();
        Self { path: path.display().to_string().into(), text: text.into(), shown }
    }

    /// Quotes nothing of these places from now on.
    pub(super) fn hide(&mut self, secrets: &[Range<usize>]) {
        self.shown = secrets::hidden(&self.shown, secrets).into();
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} …", self.path)
    }
}

/// Without control characters, which could rewrite a terminal, but for newlines.
fn printable(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(normalize_untrusted_str).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(span: Range<usize>, title: &str) -> Problem {
        let source = Source::new(Path::new("dovetail.toml"), "[app]\nname = 7\n");
        Problem::at(&source, Some(span), title)
    }

    #[test]
    fn problems_are_shown_in_the_order_of_the_file() {
        let report = Report::new(vec![problem(13..14, "second"), problem(0..5, "first")]);
        let titles: Vec<&str> = report.problems().iter().map(Problem::title).collect();
        assert_eq!(titles, ["first", "second"]);
    }

    #[test]
    fn only_a_coloured_report_has_escapes() {
        let report = Report::new(vec![problem(0..5, "wrong").help("write \u{1b}[31mthis")]);
        assert!(!report.to_string().contains('\u{1b}'));
        assert!(report.render(true).contains('\u{1b}'));
    }

    #[test]
    fn passwords_are_not_quoted() {
        let source = Source::new(Path::new("dovetail.toml"), "url = 'postgres://u:s3cret@h/d'\n");
        let report = Report::new(vec![Problem::at(&source, Some(6..31), "wrong")]).to_string();
        assert!(report.contains("url = 'postgres://u:******@h/d'\n"), "{report}");
    }

    #[test]
    fn an_empty_report_is_no_error() {
        assert!(Report::new(Vec::new()).into_result().is_ok());
        assert!(Report::new(vec![Problem::new("wrong")]).into_result().is_err());
    }
}
