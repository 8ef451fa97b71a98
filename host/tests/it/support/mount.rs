//! Disks that only one host sees, in place of a folder.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rustix::process::geteuid;

use super::{Host, dovetail, tools};

/// The command, for whom a folder is on a disk that cannot be written; nothing where this
/// user may not mount one.
pub fn read_only(folder: &Path) -> Option<Command> {
    mounted(folder, r#"mount --bind "$1" "$1" && mount -o remount,bind,ro "$1""#)
}

/// The command, for whom a folder is a disk of its own, which has room for so many MiB;
/// nothing where this user may not mount one.
pub fn of_size(folder: &Path, mebibytes: u32) -> Option<Command> {
    mounted(folder, &format!(r#"mount -t tmpfs -o size={mebibytes}m,mode=700 none "$1""#))
}

/// A folder as a host sees it that has disks of its own.
pub fn seen_by(host: &Host, folder: &Path) -> PathBuf {
    let root = PathBuf::from(format!("/proc/{}/root", host.id()));
    root.join(folder.strip_prefix("/").expect("the path of a folder is absolute"))
}

fn mounted(folder: &Path, mount: &str) -> Option<Command> {
    let script = format!(r#"{mount} && cd "$1" && shift && exec "$@""#);
    let command = |program: &Path| {
        let mut command = Command::new("unshare");
        command.arg("--mount").args((!geteuid().is_root()).then_some("--map-root-user"));
        command.args(["sh", "-c", &script, "sh"]).arg(folder).arg(program);
        command.env_remove("DOVETAIL_LOG").env_remove("RUST_BACKTRACE").stdin(Stdio::null());
        command
    };
    if !command(Path::new("true")).output().is_ok_and(|output| output.status.success()) {
        tools::leave_out("this user may not mount a disk for one process");
        return None;
    }
    Some(command(Path::new(dovetail().get_program())))
}
