mod calls;
mod composite;
mod cycles;
mod ingress;
mod install;
mod lifecycle;
mod measure;
mod subnet;
mod task;

use subnet::*;
