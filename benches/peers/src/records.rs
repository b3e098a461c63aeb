//! All samples of a run, and what they say: medians, and ratios within each repetition.

use crate::sample::Sample;

pub(crate) struct Record {
    pub(crate) scenario: &'static str,
    pub(crate) repetition: usize,
    pub(crate) client: &'static str,
    pub(crate) tasks: usize,
    pub(crate) sample: Sample,
}

#[derive(Default)]
pub(crate) struct Records(Vec<Record>);

/// The samples of one client in one scenario with so many tasks.
#[derive(Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) scenario: &'static str,
    pub(crate) client: &'static str,
    pub(crate) tasks: usize,
}

/// Some values, one for each repetition.
pub(crate) struct Values(Vec<f64>);

impl Records {
    pub(crate) fn add(&mut self, record: Record) {
        self.0.push(record);
    }

    pub(crate) fn has(&self, scenario: &str) -> bool {
        self.0.iter().any(|record| record.scenario == scenario)
    }

    pub(crate) fn values(&self, cell: Cell, value: impl Fn(&Sample) -> f64) -> Values {
        Values::new(self.of(cell).map(|record| value(&record.sample)))
    }

    /// How many times the rate of `theirs` the rate of `ours` is, in the same repetition.
    pub(crate) fn ratios(&self, ours: Cell, theirs: Cell) -> Values {
        Values::new(self.of(ours).filter_map(|our| {
            let their = self
                .of(theirs)
                .find(|their| their.repetition == our.repetition)?;
            Some(our.sample.rate / their.sample.rate)
        }))
    }

    fn of(&self, cell: Cell) -> impl Iterator<Item = &Record> {
        self.0.iter().filter(move |record| {
            let Cell {
                scenario,
                client,
                tasks,
            } = cell;
            record.scenario == scenario && record.client == client && record.tasks == tasks
        })
    }
}

impl Values {
    fn new(values: impl Iterator<Item = f64>) -> Values {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        Values(values)
    }

    pub(crate) fn median(&self) -> Option<f64> {
        let middle = self.0.len() / 2;
        match self.0.len() {
            0 => None,
            length if length % 2 == 0 => Some(f64::midpoint(self.0[middle - 1], self.0[middle])),
            _ => Some(self.0[middle]),
        }
    }

    /// The least and the greatest.
    pub(crate) fn spread(&self) -> Option<(f64, f64)> {
        Some((*self.0.first()?, *self.0.last()?))
    }
}
