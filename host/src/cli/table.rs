//! Tables: columns as wide as what is in them, two spaces between.

use anyhow::Result;

use super::{stdout::print_with, terminal::STRONG};

/// What stands where there is nothing to tell.
pub const NOTHING: &str = "-";

/// A table of texts.
pub struct Table<const COLUMNS: usize> {
    head: [&'static str; COLUMNS],
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// A table with a head and no rows. The columns named with a `>` before
    /// their names hold numbers, which stand at the right.
    pub fn new(head: [&'static str; COLUMNS]) -> Self {
        Table { head, rows: Vec::new() }
    }

    /// Add a row.
    pub fn push(&mut self, row: [String; COLUMNS]) {
        self.rows.push(row);
    }

    /// Print it to standard output, in colour if that is a terminal.
    pub fn print(&self) -> Result<()> {
        print_with(|out| {
            self.lines().iter().enumerate().try_for_each(|(place, line)| match place {
                0 => writeln!(out, "{STRONG}{line}{STRONG:#}"),
                _ => writeln!(out, "{line}"),
            })
        })
    }

    /// Its lines, the head first.
    pub fn lines(&self) -> Vec<String> {
        let head = self.head.map(|name| name.trim_start_matches('>').to_owned());
        let all = || std::iter::once(&head).chain(&self.rows);
        let widths: [usize; COLUMNS] =
            std::array::from_fn(|column| all().map(|row| row[column].chars().count()).max().unwrap_or_default());
        let line = |row: &[String; COLUMNS]| {
            let cells =
                row.iter().zip(widths).zip(self.head).map(|((cell, width), name)| match name.starts_with('>') {
                    true => format!("{cell:>width$}"),
                    false => format!("{cell:width$}"),
                });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        all().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let mut table = Table::new(["name", ">calls", "state"]);
        table.push(["größe".into(), "7".into(), "live".into()]);
        table.push(["b".into(), "1234567".into(), String::new()]);
        assert_eq!(table.lines(), ["name     calls  state", "größe        7  live", "b      1234567"]);
    }
}
