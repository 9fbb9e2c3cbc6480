mod accounting;
mod calls;
mod composite;
mod conservation;
mod cycles;
mod ingress;
mod install;
mod lifecycle;
mod long;
mod management;
mod measure;
mod random;
mod script;
mod snapshot;
mod subnet;
mod task;

use subnet::*;
