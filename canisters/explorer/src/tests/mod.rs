//! Native tests: what is kept, what is shown, what is certified, what the interface promises.

mod ask;
mod epochs;
mod interface;
mod series;
mod site;
mod store;
mod tally;
mod watch;
