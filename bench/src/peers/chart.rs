//! The figures as a chart: a panel for each case, a bar for each server.

use anyhow::{Result, anyhow};
use plotters::{
    coord::Shift,
    prelude::{DrawingArea, IntoDrawingArea, IntoFont, RGBColor, Rectangle, SVGBackend, Text, TextStyle, WHITE},
    style::{
        Color, FontStyle,
        text_anchor::{HPos, Pos, VPos},
    },
};

use super::comparison::Comparison;
use crate::{
    machine::Machine,
    round::{Series, Turn},
};

const WIDTH: u32 = 860;
/// Of a panel's title, of a bar with the room around it, and of that room.
const TITLE: u32 = 44;
const BAR: u32 = 22;
const ROOM: i32 = 3;
/// Where bars begin, and where the longest ends: names come before, figures behind.
const LEFT: i32 = 200;
const RIGHT: i32 = 680;

const OURS: RGBColor = RGBColor(37, 99, 235);
const OTHERS: RGBColor = RGBColor(168, 179, 194);
const INK: RGBColor = RGBColor(31, 41, 55);
const FAINT: RGBColor = RGBColor(107, 114, 128);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draw all that was measured, as SVG.
pub fn draw(measured: &[Comparison], machine: &Machine, commit: &str) -> Result<String> {
    let works = measured.iter().flat_map(|comparison| &comparison.works);
    let works: Vec<_> = works.map(|work| &work.series).collect();
    let height = works.iter().map(|series| TITLE + BAR * series.turns.len() as u32).sum::<u32>() + TITLE;
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        panels(&area, &works, &format!("{}; commit {commit}", machine.line())).map_err(|error| anyhow!("{error}"))?;
    }
    Ok(svg)
}

fn panels(area: &Area<'_>, works: &[&Series], caption: &str) -> Result<()> {
    let draw = |error| anyhow!("the chart could not be drawn: {error}");
    area.fill(&WHITE).map_err(draw)?;
    let mut top = 0;
    for series in works {
        top += TITLE as i32;
        let title = format!("{}, {} connections", series.what, series.connections);
        text(area, &title, (12, top - 14), 15, FontStyle::Bold, INK, HPos::Left)?;
        let rates = series.turns.iter().map(|(name, _)| (*name, series.median(name, Turn::rate).unwrap_or_default()));
        let rates: Vec<_> = rates.collect();
        let most = rates.iter().map(|(_, rate)| *rate).fold(1.0, f64::max);
        for (name, rate) in rates {
            let middle = top + BAR as i32 / 2;
            let end = LEFT + (f64::from(RIGHT - LEFT) * rate / most).max(1.0) as i32;
            let colour = if name.starts_with("dovetail") { OURS } else { OTHERS };
            let corners = [(LEFT, top + ROOM), (end, top + BAR as i32 - ROOM)];
            area.draw(&Rectangle::new(corners, colour.filled())).map_err(draw)?;
            text(area, name, (LEFT - 8, middle), 13, FontStyle::Normal, INK, HPos::Right)?;
            let cpu = series.median(name, |turn| turn.cpu).unwrap_or(f64::NAN);
            let figures = format!("{rate:.0} req/s, {cpu:.0} µs");
            text(area, &figures, (end + 8, middle), 13, FontStyle::Normal, FAINT, HPos::Left)?;
            top += BAR as i32;
        }
    }
    let caption = format!("Requests in a second, and what each takes of the processors. {caption}");
    text(area, &caption, (12, top + TITLE as i32 / 2), 11, FontStyle::Normal, FAINT, HPos::Left)
}

/// Text, with the middle of its line there.
fn text(
    area: &Area<'_>,
    text: &str,
    at: (i32, i32),
    size: u32,
    style: FontStyle,
    colour: RGBColor,
    side: HPos,
) -> Result<()> {
    let font = ("sans-serif", size).into_font().style(style);
    let style = TextStyle::from(font).color(&colour).pos(Pos::new(side, VPos::Center));
    area.draw(&Text::new(text, at, style)).map_err(|error| anyhow!("{text:?} could not be drawn: {error}"))
}
