//! A problem for programs.

use serde::Serialize;

use super::{Place, Problem, Source};

/// A problem as `check --json` tells it. Keys are added to it, and none is taken away.
#[derive(Debug, Default, Serialize)]
pub struct Told {
    /// What is wrong, in a line.
    pub title: String,
    /// The file; none if it has to do with no place in a file.
    pub file: Option<String>,
    /// Where it begins, from 1; none if it is with all of the file.
    pub line: Option<usize>,
    /// The character in that line, from 1.
    pub column: Option<usize>,
    /// The line where it ends.
    pub end_line: Option<usize>,
    /// The first character behind it.
    pub end_column: Option<usize>,
    /// The manifest's key, as in `service.user.limits.memory`.
    pub key: Option<String>,
    /// What else there is to say at this place.
    pub label: Option<String>,
    /// What would be right.
    pub help: Vec<String>,
    /// Other places of the file that it has to do with.
    pub related: Vec<Related>,
    /// What it came from, the nearest first.
    pub causes: Vec<String>,
}

/// Another place of the same file.
#[derive(Debug, Serialize)]
pub struct Related {
    /// Where it begins, from 1.
    pub line: usize,
    /// The character in that line, from 1.
    pub column: usize,
    /// What is there.
    pub label: String,
}

impl Problem {
    /// The same for programs.
    pub fn told(&self) -> Told {
        let told =
            Told { title: self.title.clone(), key: self.key.clone(), help: self.help.clone(), ..Told::default() };
        match &self.place {
            Some(place) => place.told(told),
            None => told,
        }
    }
}

impl Place {
    fn told(&self, told: Told) -> Told {
        let begin = self.span.as_ref().map(|span| self.source.position(span.start));
        let end = self.span.as_ref().map(|span| self.source.position(span.end));
        let others = self.others.iter().map(|(span, label)| {
            let (line, column) = self.source.position(span.start);
            Related { line, column, label: label.clone() }
        });
        Told {
            file: Some(self.source.path.to_string()),
            line: begin.map(|(line, _)| line),
            column: begin.map(|(_, column)| column),
            end_line: end.map(|(line, _)| line),
            end_column: end.map(|(_, column)| column),
            label: self.label.clone(),
            related: others.collect(),
            ..told
        }
    }
}

impl Source {
    /// The line of a byte, and the character in it, both from 1.
    fn position(&self, byte: usize) -> (usize, usize) {
        let before = self.text.get(..byte).unwrap_or(&self.text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        (before.matches('\n').count() + 1, line.chars().count() + 1)
    }
}
