//! The messages generated from `proto/atoll/v1`. Only this room names them; `net` has its own service.
#![allow(missing_docs, clippy::all, clippy::pedantic)]

include!(concat!(env!("OUT_DIR"), "/atoll.v1.rs"));
