//! Where the keys of a command stand among its arguments.

use super::arguments::{is, number, read_stream_options};

/// Where keys stand among the arguments, the name being number 0.
#[derive(Debug, Clone, Copy)]
pub(super) enum Keys {
    None,
    /// The arguments `first` to `first + count - 1`.
    Fixed {
        first: usize,
        count: usize,
    },
    /// From `first` on every `step`th argument, except the `behind` last ones.
    Rest {
        first: usize,
        step: usize,
        behind: usize,
    },
    /// Every `step`th argument behind the argument `at`, which is the number of keys.
    Counted {
        at: usize,
        step: usize,
    },
    /// The first argument, and as many behind the second as that says.
    Stored,
    /// The first half of what follows `STREAMS`.
    Streams,
    /// The first argument, and those behind `STORE` and `STOREDIST`, which follow after `skipped` others.
    Radius {
        skipped: usize,
    },
    /// The first argument, and the one behind the option `STORE`.
    Sort,
    /// The third argument or, if it is empty, all behind `KEYS`.
    Migrate,
}

impl Keys {
    /// Calls `each` with the number and the text of each key, in their order.
    pub(super) fn visit<'a>(
        self,
        arguments: impl Iterator<Item = &'a [u8]> + Clone,
        mut each: impl FnMut(usize, &'a [u8]),
    ) {
        let mut each = |(number, key)| each(number, key);
        let mut numbered = arguments.clone().enumerate();
        match self {
            Keys::None => {}
            Keys::Fixed { first, count } => numbered.skip(first).take(count).for_each(each),
            Keys::Rest {
                first,
                step,
                behind: 0,
            } => numbered.skip(first).step_by(step).for_each(each),
            Keys::Rest {
                first,
                step,
                behind,
            } => {
                let end = arguments.count().saturating_sub(behind);
                numbered.take(end).skip(first).step_by(step).for_each(each);
            }
            Keys::Counted { at, step } => {
                let count = numbered.nth(at).and_then(|(_, count)| number(count));
                let count = count.unwrap_or(0);
                numbered.step_by(step).take(count).for_each(each);
            }
            Keys::Stored => {
                numbered.nth(1).into_iter().for_each(&mut each);
                let count = numbered.next().and_then(|(_, count)| number(count));
                numbered.take(count.unwrap_or(0)).for_each(each);
            }
            Keys::Streams => {
                let mut options = numbered.by_ref().skip(1).map(|(_, option)| option);
                read_stream_options(&mut options);
                let count = numbered.clone().count() / 2;
                numbered.take(count).for_each(each);
            }
            Keys::Radius { skipped } => {
                numbered.nth(1).into_iter().for_each(&mut each);
                visit_radius_options(numbered.skip(skipped), each);
            }
            Keys::Sort => {
                numbered.nth(1).into_iter().for_each(&mut each);
                visit_sort_options(numbered, each);
            }
            Keys::Migrate => match numbered.nth(3) {
                Some((_, [])) => {
                    let keys = numbered.skip_while(|(_, word)| !is(word, "KEYS"));
                    keys.skip(1).for_each(each);
                }
                key => key.into_iter().for_each(each),
            },
        }
    }
}

fn visit_radius_options<'a>(
    mut options: impl Iterator<Item = (usize, &'a [u8])>,
    mut each: impl FnMut((usize, &'a [u8])),
) {
    while let Some((_, option)) = options.next() {
        if is(option, "STORE") || is(option, "STOREDIST") {
            options.next().into_iter().for_each(&mut each);
        }
    }
}

/// The pattern behind `BY` or `GET` can be called `store`, so arguments of options are skipped.
fn visit_sort_options<'a>(
    mut options: impl Iterator<Item = (usize, &'a [u8])>,
    mut each: impl FnMut((usize, &'a [u8])),
) {
    while let Some((_, option)) = options.next() {
        if is(option, "STORE") {
            options.next().into_iter().for_each(&mut each);
        } else if is(option, "BY") || is(option, "GET") {
            options.next();
        } else if is(option, "LIMIT") {
            options.nth(1);
        }
    }
}
