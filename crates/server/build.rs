//! Puts the page's committed build, `ui/dist`, into the program: a table of its files, each plain and compressed, with
//! a hash for browsers. Where there is no such folder the table is empty, and the server says so on a page of its own.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    let dir = |name: &str| PathBuf::from(std::env::var_os(name).expect("cargo sets it"));
    let (here, out) = (dir("CARGO_MANIFEST_DIR"), dir("OUT_DIR"));
    let dist = here.join("../../ui/dist");
    println!("cargo::rerun-if-changed={}", dist.display());
    let mut files = Vec::new();
    walk(&dist, &mut files);
    files.sort();
    let mut table = String::from("/// The files of the page, by path.\npub static ASSETS: &[Asset] = &[\n");
    for (number, file) in files.iter().enumerate() {
        let path = file.strip_prefix(&dist).expect("it was found below").to_string_lossy().replace('\\', "/");
        let bytes = fs::read(file).unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display()));
        let etag = format!("\"{:016x}\"", xxhash_rust::xxh3::xxh3_64(&bytes));
        let packed = packed(&bytes);
        let target = out.join(format!("{number}.gz"));
        // What hardly shrinks (fonts, pictures) is sent as it is.
        let smaller = packed.len() * 10 < bytes.len() * 9;
        fs::write(&target, if smaller { &packed[..] } else { &[] }).expect("OUT_DIR can be written");
        let plain = file.canonicalize().expect("it was read a moment ago");
        let _ = writeln!(
            table,
            "    Asset {{ path: {path:?}, bytes: include_bytes!({plain:?}), gzip: include_bytes!({target:?}), etag: {etag:?} }},",
        );
    }
    table.push_str("];\n");
    fs::write(out.join("assets.rs"), table).expect("OUT_DIR can be written");
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            println!("cargo::rerun-if-changed={}", path.display());
            walk(&path, files);
        } else {
            files.push(path);
        }
    }
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}
