//! Components go to registries and come from there, by the command and by those of
//! others; what is no component, or is not what it says, does not.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use tempfile::TempDir;

use crate::support::{
    Running, dovetail, made,
    registry::{Registry, digest},
    tools,
};

mod access;
mod pinning;

/// The type of a component's layer.
const WASM: &str = "application/wasm";

#[test]
fn what_is_pushed_is_pulled_by_its_tag_and_by_its_digest() {
    let Some(registry) = Registry::start() else { return };
    let folder = Folder::new();
    let one = folder.component("one.wasm", "Alice");
    let tag = registry.reference("shop/directory:1.0");
    let pushed = succeed(folder.dovetail().args(["push", "one.wasm", &tag]));
    let pinned = stdout(&pushed).trim().to_owned();
    assert!(pinned.starts_with(&registry.reference("shop/directory@sha256:")), "{pinned}");
    assert!(stderr(&pushed).contains(&format!("sha256 {}", &digest(&one)[7..19])), "{}", stderr(&pushed));

    for reference in [&tag, &pinned] {
        let pulled = succeed(folder.dovetail().args(["pull", reference, "-o", "pulled.wasm"]));
        assert_eq!(stdout(&pulled).trim(), pinned);
        assert!(fs::read(folder.path("pulled.wasm")).expect("it was written") == one);
    }
    let piped = succeed(folder.dovetail().args(["pull", &tag, "-o", "-"]));
    let said = stderr(&piped);
    assert!(piped.stdout == one && said.contains("Pulled a component (") && !said.contains(" - "), "{said}");
    let again = succeed(folder.dovetail().args(["push", "one.wasm", &registry.reference("shop/directory:again")]));
    assert_eq!(stdout(&again).trim(), pinned, "the same bytes are the same artifact");

    folder.component("two.wasm", "Carol");
    succeed(folder.dovetail().args(["push", "two.wasm", &tag]));
    let pulled = succeed(folder.dovetail().args(["pull", &tag, "-o", "pulled.wasm"]));
    assert_ne!(stdout(&pulled).trim(), pinned, "the tag was moved");
}

#[test]
fn a_service_is_built_and_pushed_by_its_name() {
    let Some(registry) = Registry::start() else { return };
    let folder = Folder::new();
    let one = folder.component("source.wasm", "Alice");
    folder.write(
        "dovetail.toml",
        "[app]\nname = \"a\"\n[service.directory]\ncomponent = \"made.wasm\"\nbuild = \"cp source.wasm made.wasm\"\n",
    );
    let tag = registry.reference("directory:1");
    succeed(folder.dovetail().args(["push", "directory", &tag]));
    succeed(folder.dovetail().args(["pull", &tag, "-o", "pulled.wasm"]));
    assert!(fs::read(folder.path("pulled.wasm")).expect("it was written") == one);
    let said = refused(folder.dovetail().args(["push", "other", &tag]));
    assert!(said.contains("there is no service `other` in `dovetail.toml`; there is `directory`"), "{said}");
    assert!(said.contains("(a file would be `./other`)"), "{said}");
}

/// What is done stays done; that nobody was told what it is, is a failure.
#[test]
fn what_was_pushed_or_pulled_and_cannot_be_printed_is_told_with_the_error() {
    let Some(registry) = Registry::start() else { return };
    let folder = Folder::new();
    let one = folder.component("one.wasm", "Alice");
    let tag = registry.reference("directory:1");
    let unprinted = |arguments: &[&str]| {
        let full = fs::File::options().write(true).open("/dev/full").expect("Linux has it");
        let child = folder.dovetail().args(arguments).stdout(full).stderr(Stdio::piped()).spawn();
        let output = child.and_then(Child::wait_with_output).expect("it starts");
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        stderr(&output).to_owned()
    };
    let said = unprinted(&["push", "one.wasm", &tag]);
    let pulled = succeed(folder.dovetail().args(["pull", &tag, "-o", "pulled.wasm"]));
    let pinned = stdout(&pulled).trim();
    assert!(said.contains(&format!("error: it was pushed, but this cannot be printed: {pinned}\n")), "{said}");
    assert!(said.contains("caused by: standard output cannot be written\n"), "{said}");
    fs::remove_file(folder.path("pulled.wasm")).expect("it was written");
    let said = unprinted(&["pull", &tag, "-o", "pulled.wasm"]);
    assert!(said.contains(&format!("`pulled.wasm` was written, but this cannot be printed: {pinned}\n")), "{said}");
    assert!(fs::read(folder.path("pulled.wasm")).expect("it was written") == one);
}

#[test]
fn what_is_no_component_is_not_pushed() {
    let folder = Folder::new();
    folder.write("module.wasm", wat::parse_str("(module)").expect("a module"));
    folder.write("text.wasm", "hello");
    for (file, what) in
        [("module.wasm", "a core module, not a component; build it"), ("text.wasm", "text, no component; ")]
    {
        let said = refused(folder.dovetail().args(["push", file, "oci://127.0.0.1:1/a:1"]));
        assert!(said.contains(&format!("error: `{file}` is {what}")), "{said}");
    }
    for wrong in ["a:1", "oci://a.b/a", "https://a.b/a:1", &format!("oci://a.b/a@{}", digest(b""))] {
        let output = run(folder.dovetail().args(["push", "module.wasm", wrong]));
        assert_eq!(output.status.code(), Some(2), "{wrong}: {}", stderr(&output));
    }
}

#[tokio::test]
async fn artifacts_of_other_kinds_are_refused_with_what_they_are() {
    let Some(registry) = Registry::start() else { return };
    let folder = Folder::new();
    let component = folder.component("one.wasm", "Alice");
    let module = wat::parse_str("(module)").expect("a module");
    registry.put("garbage:layers", &[(WASM, &component), (WASM, &module)], |_| {}).await;
    registry.put("garbage:none", &[], |_| {}).await;
    registry.put("garbage:type", &[("text/plain", &component)], |_| {}).await;
    registry.put("garbage:module", &[(WASM, &module)], |_| {}).await;
    registry.put("garbage:large", &[(WASM, &component)], |it| it["layers"][0]["size"] = (129 << 20).into()).await;
    registry.put("garbage:longer", &[(WASM, &component)], |it| it["layers"][0]["size"] = 9.into()).await;
    registry.put("garbage:shorter", &[(WASM, &component)], |it| it["layers"][0]["size"] = 99999.into()).await;
    for (tag, why) in [
        ("layers", "it has 2 layers, a component has one"),
        ("none", "it has 0 layers, a component has one"),
        ("type", "its layer is of the type \"text/plain\", not \"application/wasm\""),
        ("module", "its layer is no component"),
        ("large", "the component has 135266304 bytes, a component may have 134217728; make the component smaller"),
        ("longer", "the component does not have the 9 bytes that its artifact tells"),
        ("shorter", "the component does not have the 99999 bytes that its artifact tells"),
    ] {
        let reference = registry.reference(&format!("garbage:{tag}"));
        let said = refused(folder.dovetail().args(["pull", &reference, "-o", "pulled.wasm"]));
        assert!(said.contains(why), "{tag}: {said}");
        assert!(!folder.path("pulled.wasm").exists(), "{tag}");
    }
    // As older tools pushed.
    for kind in ["application/vnd.module.wasm.content.layer.v1+wasm", "application/vnd.wasm.content.layer.v1+wasm"] {
        registry.put("older:1", &[(kind, &component)], |_| {}).await;
        succeed(folder.dovetail().args(["pull", &registry.reference("older:1"), "-o", "pulled.wasm"]));
        assert!(fs::read(folder.path("pulled.wasm")).expect("it was written") == component, "{kind}");
    }
}

#[test]
fn a_blob_that_was_changed_in_the_registry_is_refused_with_both_digests() {
    let Some(registry) = Registry::start() else { return };
    let folder = Folder::new();
    let one = folder.component("one.wasm", "Alice");
    let tag = registry.reference("directory:1");
    succeed(folder.dovetail().args(["push", "one.wasm", &tag]));
    let other = made::directory("Mallo");
    assert_eq!(one.len(), other.len());
    fs::write(registry.blob(&digest(&one)), &other).expect("it is there");
    let said = refused(folder.dovetail().args(["pull", &tag, "-o", "pulled.wasm"]));
    assert!(said.contains(&format!("has the digest {}, not {}", digest(&other), digest(&one))), "{said}");
    assert!(said.contains("it was damaged or replaced there"), "{said}");
    assert!(!folder.path("pulled.wasm").exists());
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let Some(registry) = Registry::start() else { return };
    let folder = Folder::new();
    folder.component("one.wasm", "Alice");
    succeed(folder.dovetail().args(["push", "one.wasm", &registry.reference("directory:1.0")]));
    let pull = |reference: &str| refused(folder.dovetail().args(["pull", reference, "-o", "pulled.wasm"]));
    let tag = registry.reference("directory:2.0");
    let said = pull(&tag);
    assert!(said.contains(&format!("there is no {tag}; the tags there are \"1.0\"")), "{said}");
    let said = pull(&registry.reference("nothing:1.0"));
    assert!(said.contains("nothing:1.0; mend the repository and the tag"), "{said}");
    let said = pull(&registry.reference(&format!("directory@{}", digest(b"other"))));
    assert!(said.contains("there is no oci://"), "{said}");
    let port = closed_port();
    let said = pull(&format!("oci://127.0.0.1:{port}/directory:1.0"));
    assert!(said.contains(&format!("the registry 127.0.0.1:{port} refuses connections; start the registry")), "{said}");
    let said = pull("oci://registry.invalid/directory:1.0");
    assert!(said.contains("there is no host for the registry registry.invalid"), "{said}");
}

#[test]
fn a_signal_ends_a_pull_from_a_registry_that_stalls_at_once() {
    use std::os::unix::process::ExitStatusExt;
    let folder = Folder::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let reference = format!("oci://{}/directory:1", listener.local_addr().expect("an address"));
    let mut command = folder.dovetail();
    let pull = Running::start(command.args(["pull", &reference, "-o", "pulled.wasm"]).stderr(Stdio::null()));
    let connection = listener.accept().expect("it asks");
    pull.signal("INT");
    assert_eq!(pull.wait().signal(), Some(2));
    drop(connection);
    assert!(!folder.path("pulled.wasm").exists());
}

#[test]
fn wash_pulls_what_we_push_and_pushes_what_we_pull() {
    let Some(wash) = tools::find("wash") else { return };
    let Some(registry) = Registry::start() else { return };
    let folder = Folder::new();
    let one = folder.component("one.wasm", "Alice");
    let wash = |arguments: &[&str]| {
        let mut command = Command::new(&wash);
        command.args(["--non-interactive", "oci"]).args(arguments).arg("--insecure").current_dir(folder.path(""));
        succeed(command.env("HOME", folder.path("")).stdin(Stdio::null()))
    };
    let ours = registry.reference("shop/ours:1");
    succeed(folder.dovetail().args(["push", "one.wasm", &ours]));
    wash(&["pull", &format!("{}/shop/ours:1", registry.address), "ours.wasm"]);
    assert!(fs::read(folder.path("ours.wasm")).expect("it was written") == one);

    wash(&["push", &format!("{}/shop/theirs:1", registry.address), "one.wasm"]);
    succeed(folder.dovetail().args(["pull", &registry.reference("shop/theirs:1"), "-o", "theirs.wasm"]));
    assert!(fs::read(folder.path("theirs.wasm")).expect("it was written") == one);
}

/// A folder where commands are given.
struct Folder(TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).expect("it can be written");
    }

    /// Write a component in which everybody has this name.
    fn component(&self, file: &str, name: &str) -> Vec<u8> {
        let component = made::directory(name);
        self.write(file, &component);
        component
    }

    /// The command, in this folder and without anybody's credentials.
    fn dovetail(&self) -> Command {
        let mut command = dovetail();
        command.current_dir(&self.0).env("DOCKER_CONFIG", Path::new("/nowhere"));
        command
    }
}

/// A port where nobody listens.
fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

fn run(command: &mut Command) -> Output {
    command.output().expect("it starts")
}

fn succeed(command: &mut Command) -> Output {
    let output = run(command);
    assert!(output.status.success(), "{}", stderr(&output));
    output
}

/// What is said of a failure.
fn refused(command: &mut Command) -> String {
    let output = run(command);
    assert_eq!((output.status.code(), stdout(&output)), (Some(1), ""), "{}", stderr(&output));
    stderr(&output).to_owned()
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("UTF-8")
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("UTF-8")
}
