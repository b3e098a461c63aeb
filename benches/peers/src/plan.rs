//! Which measurements to make, how long and how often; and making them.

use crate::Failure;
use crate::clients::DRIVERS;
use crate::length::Length;
use crate::load::Load;
use crate::measurement::Measurement;
use crate::node;
use crate::records::{Record, Records};
use crate::scenario::{self, Scenario};
use crate::server::Server;

pub(crate) struct Plan {
    pub(crate) repetitions: usize,
    pub(crate) seconds: f64,
    pub(crate) scenarios: Vec<Scenario>,
    /// Only these, if there are any.
    only: Vec<String>,
}

impl Plan {
    /// Everything, unless `words` say otherwise.
    pub(crate) fn parse(words: &[String]) -> Result<Plan, Failure> {
        let mut plan = Plan {
            repetitions: 5,
            seconds: 1.25,
            scenarios: scenario::ALL.into(),
            only: Vec::new(),
        };
        for word in words {
            match word.split_once('=') {
                Some(("repetitions", number)) => plan.repetitions = number.parse()?,
                Some(("seconds", number)) => plan.seconds = number.parse()?,
                Some(("clients", names)) => {
                    plan.only = names.split(',').map(str::to_owned).collect()
                }
                Some(("scenarios", names)) => {
                    let chosen =
                        |scenario: &Scenario| names.split(',').any(|name| name == scenario.name);
                    plan.scenarios.retain(chosen);
                }
                _ => return Err(format!("unknown argument `{word}`\n{}", crate::USAGE).into()),
            }
        }
        Ok(plan)
    }

    /// Whether nothing is left out.
    pub(crate) fn is_complete(&self) -> bool {
        self.only.is_empty() && self.scenarios.len() == scenario::ALL.len()
    }

    pub(crate) fn clients(&self, scenario: &Scenario) -> Vec<&'static str> {
        let named = |client: &str| self.only.iter().any(|name| name == client);
        let standard = scenario.clients.iter().copied();
        let standard = standard.filter(|client| self.only.is_empty() || named(client));
        let drivers = DRIVERS.iter().map(|(client, _)| *client);
        standard
            .chain(drivers.filter(|client| named(client)))
            .collect()
    }

    pub(crate) fn run(&self) -> Result<Records, Failure> {
        let clients = |scenario| self.clients(scenario);
        if (self.scenarios.iter().flat_map(clients)).any(|client| node::CLIENTS.contains(&client)) {
            node::install()?;
        }
        let mut records = Records::default();
        for scenario in &self.scenarios {
            let server = scenario.server()?;
            server.fill(scenario.value)?;
            for repetition in 0..self.repetitions {
                self.repeat(scenario, repetition, &server, &mut records)?;
            }
        }
        Ok(records)
    }

    /// One repetition: every client with every number of tasks, in an order of its own.
    fn repeat(
        &self,
        scenario: &Scenario,
        repetition: usize,
        server: &Server,
        records: &mut Records,
    ) -> Result<(), Failure> {
        let mut order: Vec<(&str, usize)> = self
            .clients(scenario)
            .into_iter()
            .flat_map(|client| scenario.tasks.iter().map(move |tasks| (client, *tasks)))
            .collect();
        fastrand::shuffle(&mut order);
        for (client, tasks) in order {
            let name = scenario.name;
            eprint!(
                "{name} {}/{} {client} {tasks}: ",
                repetition + 1,
                self.repetitions
            );
            match self.measurement(scenario, client, tasks, server).run() {
                Ok(sample) => {
                    eprintln!("{sample}");
                    records.add(Record {
                        scenario: name,
                        repetition,
                        client,
                        tasks,
                        sample,
                    });
                }
                // Ours has to work; a peer that does not has an empty cell.
                Err(error) if client.starts_with("redis-ready") => return Err(error),
                Err(error) => eprintln!("{error}"),
            }
        }
        Ok(())
    }

    fn measurement(
        &self,
        scenario: &Scenario,
        client: &str,
        tasks: usize,
        server: &Server,
    ) -> Measurement {
        Measurement {
            client: client.to_owned(),
            url: server.url().to_owned(),
            current_thread: scenario.current_thread,
            load: Load {
                tasks,
                pipeline: scenario.pipeline,
                value: scenario.value,
                work: scenario.work,
                length: Length::Seconds(self.seconds),
                server: server.process(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clients(words: &[&str]) -> Vec<&'static str> {
        let words: Vec<String> = words.iter().copied().map(str::to_owned).collect();
        let plan = Plan::parse(&words).expect("a plan");
        plan.clients(&plan.scenarios[0])
    }

    #[test]
    fn drivers_are_measured_only_when_they_are_named() {
        assert_eq!(clients(&[]), crate::clients::NAMES);
        assert_eq!(
            clients(&["clients=redis-ready,redis-ready-io-thread"]),
            ["redis-ready", "redis-ready-io-thread"]
        );
    }
}
