mod calls;
mod cycles;
mod ingress;
mod install;
mod lifecycle;
mod measure;
mod subnet;

use subnet::*;
