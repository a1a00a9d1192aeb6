//! The least that a drain of a backlog could do on one thread: for each file a rename, open, read, close and unlink.
//! `bare_loop INCOMING CLAIMED` does that and prints the seconds. `scripts/bench-backlog` measures against it.

use std::fs::{self, File};
use std::io::Read;
use std::path::PathBuf;
use std::time::Instant;

fn main() {
    let mut arguments =
        std::env::args_os().skip(1).filter(|argument| argument != "--bench").map(PathBuf::from);
    let (Some(incoming), Some(claimed)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: bare_loop INCOMING CLAIMED");
        std::process::exit(2);
    };
    let started = Instant::now();
    fs::create_dir_all(&claimed).expect("make the folder for claimed files");
    let mut buffer = Vec::new();
    let mut bytes = 0;
    let mut files = 0;
    for folder in fs::read_dir(&incoming).expect("list incoming") {
        let folder = folder.expect("list incoming").path();
        for entry in fs::read_dir(&folder).expect("list a dataset's folder") {
            let entry = entry.expect("list a dataset's folder");
            let to = claimed.join(entry.file_name());
            fs::rename(entry.path(), &to).expect("rename a file");
            buffer.clear();
            bytes += File::open(&to).expect("open a file").read_to_end(&mut buffer).expect("read a file");
            fs::remove_file(&to).expect("remove a file");
            files += 1;
        }
    }
    eprintln!("{files} files, {bytes} bytes");
    println!("{:.3}", started.elapsed().as_secs_f64());
}
