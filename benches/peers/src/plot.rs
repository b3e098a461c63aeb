//! Commands per second over tasks, one line for each client, as an SVG with both axes logarithmic.

use std::fmt::Write;

use crate::plan::Plan;
use crate::records::{Cell, Records};
use crate::scenario::Scenario;
use crate::table::thousands;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 460.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 170.0;
const TOP: f64 = 36.0;
const BOTTOM: f64 = 48.0;
/// Names of lines stand so far apart.
const LINE_HEIGHT: f64 = 16.0;
/// Radius of a measured point.
const POINT: f64 = 2.6;
/// Each tells itself from its neighbours on white and on black.
const COLOURS: [&str; 12] = [
    "#d9480f", "#1c7ed6", "#4dabf7", "#2f9e44", "#ae3ec9", "#868e96", "#0c8599", "#f59f00",
    "#74b816", "#e64980", "#7950f2", "#a0826d",
];
const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#24292f}\
    .grid{stroke:#8b949e;stroke-opacity:.35}.line{fill:none;stroke-width:1.8}\
    .ours{stroke-width:4}\
    @media(prefers-color-scheme:dark){text{fill:#e6edf3}}";

/// Where numbers lie.
struct Axes {
    tasks: (f64, f64),
    rates: (f64, f64),
}

struct Line {
    client: &'static str,
    colour: &'static str,
    points: Vec<(f64, f64)>,
}

pub(crate) fn svg(plan: &Plan, scenario: &Scenario, records: &Records) -> String {
    let lines = lines(plan, scenario, records);
    let axes = Axes::around(&lines);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"Commands per second over tasks\">\n<style>{STYLE}</style>\n"
    );
    text(
        &mut svg,
        LEFT,
        20.0,
        "start",
        "commands per second, over tasks",
    );
    axes.draw(&mut svg, scenario.tasks);
    for line in &lines {
        line.draw(&mut svg, &axes);
    }
    names(&mut svg, &lines, &axes);
    svg.push_str("</svg>\n");
    svg
}

fn lines(plan: &Plan, scenario: &Scenario, records: &Records) -> Vec<Line> {
    let clients = plan
        .clients(scenario)
        .into_iter()
        .zip(COLOURS.iter().cycle());
    let line = |(client, colour): (&'static str, &&'static str)| {
        let point = |tasks: &usize| {
            let cell = Cell {
                scenario: scenario.name,
                client,
                tasks: *tasks,
            };
            let rate = records.values(cell, |sample| sample.rate).median()?;
            Some((*tasks as f64, rate))
        };
        Line {
            client,
            colour,
            points: scenario.tasks.iter().filter_map(point).collect(),
        }
    };
    clients
        .map(line)
        .filter(|line| !line.points.is_empty())
        .collect()
}

impl Axes {
    /// Rates from one line of the grid to another, so that the lines have the whole height.
    fn around(lines: &[Line]) -> Axes {
        let points = || lines.iter().flat_map(|line| &line.points);
        let tasks = points().map(|point| point.0).fold(2.0, f64::max);
        let most = points().map(|point| point.1).fold(2.0, f64::max);
        let least = points().map(|point| point.1).fold(f64::INFINITY, f64::min);
        Axes {
            tasks: (1.0, tasks),
            rates: (
                steps().rfind(|step| *step <= least).unwrap_or(1.0),
                steps().find(|step| *step >= most).unwrap_or(most),
            ),
        }
    }

    fn x(&self, tasks: f64) -> f64 {
        LEFT + share(tasks, self.tasks) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, rate: f64) -> f64 {
        HEIGHT - BOTTOM - share(rate, self.rates) * (HEIGHT - TOP - BOTTOM)
    }

    fn draw(&self, svg: &mut String, tasks: &[usize]) {
        let (left, right) = (LEFT, WIDTH - RIGHT);
        let (top, bottom) = (TOP, HEIGHT - BOTTOM);
        let (least, most) = self.rates;
        for rate in steps().filter(|rate| (least..=most).contains(rate)) {
            let y = self.y(rate);
            grid(svg, (left, y), (right, y));
            let name = match rate {
                rate if rate >= 1e6 => format!("{}M", rate / 1e6),
                rate if rate >= 1e3 => format!("{}k", rate / 1e3),
                rate => rate.to_string(),
            };
            text(svg, left - 8.0, y + 4.0, "end", &name);
        }
        for tasks in tasks {
            let x = self.x(*tasks as f64);
            grid(svg, (x, top), (x, bottom));
            text(svg, x, bottom + 20.0, "middle", &thousands(*tasks as f64));
        }
    }
}

impl Line {
    fn draw(&self, svg: &mut String, axes: &Axes) {
        let class = if self.is_ours() { "line ours" } else { "line" };
        let _ = write!(
            svg,
            "<polyline class=\"{class}\" stroke=\"{}\" points=\"",
            self.colour
        );
        for (tasks, rate) in &self.points {
            let _ = write!(svg, "{:.1},{:.1} ", axes.x(*tasks), axes.y(*rate));
        }
        svg.push_str("\"/>\n");
        for (tasks, rate) in &self.points {
            let _ = writeln!(
                svg,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"{POINT}\" fill=\"{}\"/>",
                axes.x(*tasks),
                axes.y(*rate),
                self.colour
            );
        }
    }

    fn is_ours(&self) -> bool {
        self.client.starts_with("redis-ready")
    }

    fn end(&self) -> f64 {
        self.points.last().map_or(1.0, |point| point.1)
    }
}

/// The names at the ends of the lines, in their order and apart from each other.
fn names(svg: &mut String, lines: &[Line], axes: &Axes) {
    let mut order: Vec<&Line> = lines.iter().collect();
    order.sort_by(|one, other| other.end().total_cmp(&one.end()));
    let mut free = TOP;
    for (place, line) in order.iter().enumerate() {
        let below = (order.len() - place - 1) as f64 * LINE_HEIGHT;
        let y = axes.y(line.end()).max(free).min(HEIGHT - BOTTOM - below);
        free = y + LINE_HEIGHT;
        let x = WIDTH - RIGHT + 12.0;
        let colour = line.colour;
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{:.1}\" width=\"12\" height=\"4\" fill=\"{colour}\"/>",
            y - 2.0
        );
        text(svg, x + 18.0, y + 4.0, "start", line.client);
    }
}

/// Where the grid may have lines: at 1, 2, 5, 10, 20, 50 and so on.
fn steps() -> impl DoubleEndedIterator<Item = f64> {
    (0..9).flat_map(|power| [1.0, 2.0, 5.0].map(|step| step * 10f64.powi(power)))
}

fn share(value: f64, (least, most): (f64, f64)) -> f64 {
    (value.ln() - least.ln()) / (most.ln() - least.ln())
}

fn grid(svg: &mut String, from: (f64, f64), to: (f64, f64)) {
    let _ = writeln!(
        svg,
        "<line class=\"grid\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
        from.0, from.1, to.0, to.1
    );
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
    );
}
