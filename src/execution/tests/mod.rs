mod calls;
mod cycles;
mod ingress;
mod install;
mod lifecycle;
mod long;
mod measure;
mod subnet;

use subnet::*;
