//! All that the explorer remembers, in stable memory.

use crate::epochs::{Epoch, Epochs};
use crate::interface::*;
use crate::memory::{self, Memory, Segment};
use crate::series::{Plots, Point, Resolution};
use crate::tally::Tally;
use crate::watch::{Added, NAME_BYTES_MAX, Search, Watch, Watched, number_of};
use candid::Principal;
use cycles_interface::Stored;
use ic_stable_structures::StableCell;
use serde::{Deserialize, Serialize};

/// Seconds between samples: the least, what is usual, the most.
pub const SAMPLE_SECONDS: (u64, u64, u64) = (5, 60, 3_600);
/// Canisters that installation may name.
pub const NAMED_MAX: usize = 64;

/// Numbers below are for the subnet's own series; each canister has two of those above.
const FIRST_CANISTER_SERIES: u32 = 64;
const HOUR_NANOS: u64 = 3_600_000_000_000;
const SECOND_NANOS: u64 = 1_000_000_000;

/// Installation's arguments, checked.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct Config {
    pub subnet_name: String,
    pub canisters: Canisters,
    pub sample_seconds: u64,
}

/// How far sampling is.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    pub next_number: u32,
    /// The canister that was sampled last.
    pub last_sampled: Option<Principal>,
    pub search: Option<Search>,
    pub tally: Tally,
}

pub struct Store<M: Memory> {
    config: StableCell<Stored<Config>, Segment<M>>,
    progress: StableCell<Stored<Progress>, Segment<M>>,
    pub plots: Plots<M>,
    pub epochs: Epochs<M>,
    pub watch: Watch<M>,
}

/// A name as it may be shown.
fn short(name: &str) -> String {
    let mut end = name.len().min(NAME_BYTES_MAX);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].to_owned()
}

impl<M: Memory> Store<M> {
    pub fn open(memory: M) -> Self {
        let segments = memory::open(memory);
        Self {
            config: StableCell::init(segments.get(memory::CONFIG), Stored::default()),
            progress: StableCell::init(segments.get(memory::PROGRESS), Stored::default()),
            plots: Plots::open(&segments),
            epochs: Epochs::open(&segments),
            watch: Watch::open(&segments),
        }
    }

    /// Takes installation's arguments; what is watched already stays so.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn configure(&mut self, args: InitArgs) -> Result<(), String> {
        let (least, usual, most) = SAMPLE_SECONDS;
        let sample_seconds = args.sample_seconds.unwrap_or(usual);
        if !(least..=most).contains(&sample_seconds) {
            return Err(format!("sample_seconds is {sample_seconds}, but must be from {least} to {most}"));
        }
        if args.watched.len() > NAMED_MAX {
            return Err(format!(
                "{} canisters are to be watched, but at most {NAMED_MAX} can",
                args.watched.len()
            ));
        }
        let mut progress = self.progress().clone();
        if let Some(id) = args.discover_from {
            let base = number_of(&id).ok_or_else(|| format!("discover_from {id} is no canister's id"))?;
            progress.search = Some(Search { base, offset: 0 });
        }
        self.progress.set(Stored(progress));
        for (id, name) in well_known(&args.canisters) {
            self.watch(id, Some(name.to_owned()));
        }
        for Named { canister_id, name } in &args.watched {
            self.watch(*canister_id, Some(short(name)));
        }
        let subnet_name = short(args.subnet_name.as_deref().unwrap_or("Atoll"));
        self.config.set(Stored(Config { subnet_name, canisters: args.canisters, sample_seconds }));
        Ok(())
    }

    pub fn config(&self) -> &Config {
        &self.config.get().0
    }

    pub fn progress(&self) -> &Progress {
        &self.progress.get().0
    }

    pub fn change_progress(&mut self, change: impl FnOnce(&mut Progress)) {
        let mut progress = self.progress().clone();
        change(&mut progress);
        self.progress.set(Stored(progress));
    }

    /// Watches a canister from now on, if there is room.
    pub fn watch(&mut self, id: Principal, name: Option<String>) {
        let number = self.progress().next_number;
        let Added::New { freed } = self.watch.add(id, name, number) else { return };
        self.change_progress(|progress| progress.next_number = number.saturating_add(1));
        if let Some(freed) = freed {
            let (balance, consumed) = canister_series(freed);
            self.plots.drop_series(balance);
            self.plots.drop_series(consumed);
        }
    }

    /// The number of a series.
    ///
    /// # Errors
    /// When it is a canister's that is not watched.
    pub fn number(&self, series: &Series) -> Result<u32, AskError> {
        let of = |id: &Principal| {
            let watched = self.watch.get(id).ok_or(AskError::NotWatched(*id))?;
            Ok(canister_series(watched.number))
        };
        Ok(match series {
            Series::TokenSupply => 0,
            Series::TokenMinted => 1,
            Series::TokenBurned => 2,
            Series::TokenTransfers => 3,
            Series::CyclesSupply => 4,
            Series::CyclesMinted => 5,
            Series::CyclesConsumed => 6,
            Series::Blocks => 7,
            Series::Instructions => 8,
            Series::CanisterBalance(id) => of(id)?.0,
            Series::CanisterConsumed(id) => of(id)?.1,
        })
    }

    /// Adds a sample; one of a canister that is not watched is dropped.
    pub fn sample(&mut self, series: &Series, time_nanos: u64, value: u128) {
        if let Ok(number) = self.number(series) {
            self.plots.push(number, Point { time_nanos, value });
        }
    }

    /// Adds an epoch and its totals.
    pub fn add_epoch(&mut self, epoch: Epoch) {
        let time = epoch.timestamp_nanos;
        let totals = [
            (Series::CyclesConsumed, epoch.cycles_consumed_total.as_ref().map(crate::small)),
            (Series::Blocks, epoch.blocks_total.map(u128::from)),
            (Series::Instructions, epoch.instructions_total.map(u128::from)),
        ];
        if !self.epochs.push(epoch) {
            return;
        }
        for (series, total) in totals {
            if let Some(total) = total {
                self.sample(&series, time, total);
            }
        }
    }

    /// What a canister consumed in the last hour, or in as much of it as there are samples.
    pub fn recent(&self, id: &Principal) -> Option<Recent> {
        let number = self.number(&Series::CanisterConsumed(*id)).ok()?;
        let last = self.plots.last(number, Resolution::Fine)?;
        let begin = last.time_nanos.saturating_sub(HOUR_NANOS);
        let hour = HOUR_NANOS / SECOND_NANOS / SAMPLE_SECONDS.0;
        let page = self.plots.page(number, Resolution::Fine, None, hour);
        let first = page.points.into_iter().find(|point| point.time_nanos >= begin)?;
        let seconds = last.time_nanos.saturating_sub(first.time_nanos) / SECOND_NANOS;
        (seconds > 0).then(|| Recent { cycles: last.value.saturating_sub(first.value), seconds })
    }

    pub fn points(&self, args: &GetPointsArgs) -> PointsResult {
        let number = self.number(&args.series)?;
        match args.limit {
            0 => Err(AskError::NoLimit),
            limit => Ok(self.plots.page(number, args.resolution, args.from, limit)),
        }
    }

    pub fn configuration(&self) -> Configuration {
        let Config { subnet_name, canisters, sample_seconds } = self.config().clone();
        let named = |(canister_id, Watched { name, .. }): (Principal, Watched)| Named {
            canister_id,
            name: name.unwrap_or_default(),
        };
        Configuration {
            subnet_name,
            canisters,
            sample_seconds,
            watched: self.watch.list().into_iter().filter(|(_, it)| !it.gone).map(named).collect(),
            tally: self.progress().tally.clone(),
            points: self.plots.len(),
        }
    }
}

/// Numbers of a canister's series: of its balance, and of what it consumed.
fn canister_series(number: u32) -> (u32, u32) {
    let balance = FIRST_CANISTER_SERIES.saturating_add(number.saturating_mul(2));
    (balance, balance.saturating_add(1))
}

fn well_known(canisters: &Canisters) -> Vec<(Principal, &'static str)> {
    let named = [
        (canisters.registry, "Registry"),
        (canisters.governance, "Governance"),
        (canisters.ledger, "Token ledger"),
        (canisters.minting, "Cycles minting"),
        (canisters.rewards, "Rewards"),
        (canisters.cycles_ledger, "Cycles ledger"),
    ];
    named.into_iter().filter_map(|(id, name)| Some((id?, name))).collect()
}
