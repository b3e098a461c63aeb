//! The measurements as a table for people.

use std::fmt::Write;

use crate::sample::Sample;

/// Returns commands per second of the first client, and for each other one the median of how many
/// times its rate that is, with the spread over the repetitions.
pub(crate) fn markdown(
    names: &[&str],
    tasks: &[usize],
    samples: &[(usize, String, usize, Sample)],
) -> String {
    let find = |repetition: usize, name: &str, tasks: usize| {
        samples
            .iter()
            .find(|(r, n, t, _)| *r == repetition && n == name && *t == tasks)
            .map(|(.., sample)| *sample)
    };
    let repetitions = samples
        .iter()
        .map(|(repetition, ..)| repetition + 1)
        .max()
        .unwrap_or(0);
    let mut table = String::from("| | ");
    for tasks in tasks {
        let _ = write!(table, "{tasks} callers | ");
    }
    table.push_str("\n|---|");
    table.push_str(&"---|".repeat(tasks.len()));
    let Some((ours, peers)) = names.split_first() else {
        return table;
    };
    let row = |table: &mut String, title: String, cell: &dyn Fn(usize) -> String| {
        let _ = write!(table, "\n| {title} | ");
        for tasks in tasks {
            let _ = write!(table, "{} | ", cell(*tasks));
        }
    };
    let values = |tasks: usize, of: &dyn Fn(usize, usize) -> Option<f64>| -> Vec<f64> {
        let mut values: Vec<f64> = (0..repetitions)
            .filter_map(|repetition| of(repetition, tasks))
            .collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let median = |values: &[f64]| values.get(values.len() / 2).copied().unwrap_or(f64::NAN);
    row(&mut table, format!("{ours}, commands per s"), &|tasks| {
        let rates = values(tasks, &|r, t| find(r, ours, t).map(|sample| sample.rate));
        format!("{:.0}", median(&rates))
    });
    for name in names {
        row(&mut table, format!("{name}, p50 / p99 in µs"), &|tasks| {
            let p50 = values(tasks, &|r, t| find(r, name, t).map(|sample| sample.p50));
            let p99 = values(tasks, &|r, t| find(r, name, t).map(|sample| sample.p99));
            format!("{:.0} / {:.0}", median(&p50), median(&p99))
        });
    }
    for peer in peers {
        row(&mut table, format!("{ours} ÷ {peer}"), &|tasks| {
            let ratios = values(tasks, &|r, t| {
                Some(find(r, ours, t)?.rate / find(r, peer, t)?.rate)
            });
            let (low, high) = (ratios.first(), ratios.last());
            let spread = low.zip(high).map_or(String::new(), |(low, high)| {
                format!(" ({low:.2}–{high:.2})")
            });
            format!("{:.2}{spread}", median(&ratios))
        });
    }
    table.push('\n');
    table
}
