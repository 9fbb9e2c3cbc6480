mod accounting;
mod calls;
mod conservation;
mod cycles;
mod ingress;
mod install;
mod lifecycle;
mod long;
mod measure;
mod script;
mod subnet;

use subnet::*;
