//! The records as Markdown tables for people.

use std::fmt::Write;

use crate::plan::Plan;
use crate::records::{Cell, Records};
use crate::sample::Sample;
use crate::scenario::Scenario;

const NONE: &str = "–";
/// Numbers of tasks in one table.
const COLUMNS: usize = 5;

/// All tables; each cell is a median over the repetitions.
pub(crate) fn markdown(plan: &Plan, records: &Records) -> String {
    let mut text = format!(
        "# Results\n\nMedians of {} repetitions of {} s, on {} cores. README.md says what is \
         measured and how.\n",
        plan.repetitions,
        plan.seconds,
        std::thread::available_parallelism().map_or(1, usize::from)
    );
    for scenario in &plan.scenarios {
        if records.has(scenario.name) {
            let _ = write!(text, "\n## {}\n\n", scenario.name);
            let _ = writeln!(text, "{}: {}.", capitalised(scenario.what), LEGEND);
            section(&mut text, plan, scenario, records);
        }
    }
    text
}

const LEGEND: &str = "commands per second, and in parentheses how many times that redis-ready makes \
                      in the same repetition, with the least and the greatest";

fn section(text: &mut String, plan: &Plan, scenario: &Scenario, records: &Records) {
    let ours = scenario.clients[0];
    table(text, plan, scenario, &|cell| {
        let rate = records.values(cell, |sample| sample.rate).median()?;
        let our = Cell {
            client: ours,
            ..cell
        };
        let ratios = records.ratios(our, cell);
        let rate = thousands(rate);
        Some(match (ratios.median(), ratios.spread()) {
            (Some(ratio), Some((least, greatest))) if cell.client != ours => {
                format!("{rate} ({ratio:.2}; {least:.2}–{greatest:.2})")
            }
            _ => format!("**{rate}**"),
        })
    });
    text.push_str("\nCPU time per command in µs, of the client / of the server:\n");
    pairs(text, plan, scenario, records, |sample| {
        [sample.client_cpu, sample.server_cpu]
    });
    text.push_str("\nLatency in µs, p50 / p99:\n");
    pairs(text, plan, scenario, records, |sample| {
        [sample.p50, sample.p99]
    });
}

fn pairs(
    text: &mut String,
    plan: &Plan,
    scenario: &Scenario,
    records: &Records,
    pair: fn(&Sample) -> [f64; 2],
) {
    table(text, plan, scenario, &|cell| {
        let [first, second] =
            [0, 1].map(|which| records.values(cell, |sample| pair(sample)[which]).median());
        Some(format!("{} / {}", short(first?), short(second?)))
    });
}

/// One table for each few numbers of tasks, so that none is wider than a page.
fn table(
    text: &mut String,
    plan: &Plan,
    scenario: &Scenario,
    cell: &dyn Fn(Cell) -> Option<String>,
) {
    for columns in scenario.tasks.chunks(COLUMNS) {
        one_table(text, plan, scenario, columns, cell);
    }
}

fn one_table(
    text: &mut String,
    plan: &Plan,
    scenario: &Scenario,
    columns: &[usize],
    cell: &dyn Fn(Cell) -> Option<String>,
) {
    text.push_str("\n| |");
    for tasks in columns {
        let noun = if *tasks == 1 { "task" } else { "tasks" };
        let _ = write!(text, " {} {noun} |", thousands(*tasks as f64));
    }
    let _ = writeln!(text, "\n|---|{}", "---:|".repeat(columns.len()));
    for client in plan.clients(scenario) {
        let _ = write!(text, "| {client} |");
        for tasks in columns {
            let cell = cell(Cell {
                scenario: scenario.name,
                client,
                tasks: *tasks,
            });
            let _ = write!(text, " {} |", cell.as_deref().unwrap_or(NONE));
        }
        text.push('\n');
    }
}

/// Writes `1234567` as `1,234,567`.
pub(crate) fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn short(number: f64) -> String {
    if number < 100.0 {
        format!("{number:.1}")
    } else {
        thousands(number)
    }
}

fn capitalised(text: &str) -> String {
    let (first, rest) = text.split_at(1);
    first.to_uppercase() + rest
}
