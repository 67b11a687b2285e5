//! The real thing with real services: a broker, a lake that others read, a page in a browser, signals and kills.
//!
//! Where a machine lacks a service, its tests say that they were not run. To see the figures that some of them print:
//! `cargo test -p ouzel --test live -- --nocapture`.

mod live {
    mod ask;
    mod broker;
    mod files;
    mod full;
    mod hook;
    mod kill;
    mod lake;
    mod names;
    mod ouzel;
    mod page;
    mod proxy;
    mod reload;
    mod sinks;
    mod stop;
    mod tap;
}
