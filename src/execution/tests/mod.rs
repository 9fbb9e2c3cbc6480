mod calls;
mod composite;
mod cycles;
mod ingress;
mod install;
mod lifecycle;
mod long;
mod management;
mod measure;
mod random;
mod snapshot;
mod subnet;
mod task;

use subnet::*;
