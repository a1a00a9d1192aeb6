//! The files of a house and the arrows between them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::Visit;
use syn::{Item, UseTree};

/// A module's path from the crate's root: `["spool", "claim"]`.
type ModulePath = Vec<String>;

/// One file of the house.
pub(super) struct Room {
    /// Its path below `src`.
    pub(super) path: String,
    pub(super) text: String,
    pub(super) syntax: syn::File,
    /// The names that the file brings in with `use`, each with what it stands for, and those that end in `*`.
    named: BTreeMap<String, ModulePath>,
    globs: Vec<ModulePath>,
}

impl Room {
    /// Whether it is the face of a folder.
    pub(super) fn is_face(&self) -> bool {
        self.path.ends_with("mod.rs") || self.path == "lib.rs"
    }
}

/// All files under `src`, and which uses which.
pub(super) struct House {
    pub(super) rooms: BTreeMap<ModulePath, Room>,
    /// From the path of a file to those that it uses.
    pub(super) arrows: BTreeMap<String, BTreeSet<String>>,
}

impl House {
    pub(super) fn read(root: &Path) -> House {
        let mut rooms = BTreeMap::new();
        read_folder(&root.join("src"), &mut Vec::new(), &mut rooms);
        let mut house = House { rooms, arrows: BTreeMap::new() };
        house.arrows = house
            .rooms
            .iter()
            .map(|(module, room)| (room.path.clone(), house.used_by(module, room)))
            .collect();
        house
    }

    fn used_by(&self, module: &ModulePath, room: &Room) -> BTreeSet<String> {
        let mut paths = Paths { found: Vec::new(), face: room.is_face() };
        paths.visit_file(&room.syntax);
        let mut used: BTreeSet<String> =
            paths.found.iter().filter_map(|path| self.defining_file(module, room, path)).collect();
        used.remove(&room.path);
        used
    }

    /// The file that defines what `path`, written in `module`, names. `None` for what is not of this house, and for a module
    /// that is only named.
    fn defining_file(&self, module: &ModulePath, room: &Room, path: &[String]) -> Option<String> {
        let target = match self.absolute(module, path) {
            Some(target) => target,
            None => {
                let (first, rest) = path.split_first()?;
                let mut target = room.named.get(first).cloned()?;
                target.extend(rest.iter().cloned());
                self.absolute(module, &target)?
            }
        };
        self.resolve(&target, 0)
    }

    /// The path from the crate's root, where the first word of `path` tells where it starts.
    fn absolute(&self, module: &ModulePath, path: &[String]) -> Option<ModulePath> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" | "irispool" => Some(rest.to_vec()),
            "self" => Some(module.iter().chain(rest).cloned().collect()),
            "super" => {
                let mut above = module.clone();
                above.pop()?;
                let mut rest = rest;
                while rest.first().is_some_and(|word| word == "super") {
                    above.pop()?;
                    rest = &rest[1..];
                }
                Some(above.into_iter().chain(rest.iter().cloned()).collect())
            }
            _ => {
                let child: ModulePath = module.iter().chain(path).cloned().collect();
                self.rooms.contains_key(&child[..=module.len()]).then_some(child)
            }
        }
    }

    fn resolve(&self, target: &[String], depth: usize) -> Option<String> {
        let known = (0..=target.len()).rev().find(|length| self.rooms.contains_key(&target[..*length]))?;
        let room = &self.rooms[&target[..known]];
        let name = target.get(known)?;
        if depth > 8 || defines(&room.syntax, name) {
            return Some(room.path.clone());
        }
        let module = target[..known].to_vec();
        let further = |path: &ModulePath, rest: &[String]| {
            let mut path = self.absolute(&module, path)?;
            path.extend(rest.iter().cloned());
            self.resolve(&path, depth + 1)
        };
        if let Some(path) = room.named.get(name) {
            return further(path, &target[known + 1..]);
        }
        room.globs.iter().find_map(|glob| further(glob, &target[known..]))
    }
}

fn read_folder(folder: &Path, module: &mut ModulePath, rooms: &mut BTreeMap<ModulePath, Room>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            module.push(name);
            read_folder(&entry.path(), module, rooms);
            module.pop();
        } else if let Some(stem) = name.strip_suffix(".rs")
            && stem != "tests"
        {
            let mut own = module.clone();
            if stem != "mod" && stem != "lib" {
                own.push(stem.to_owned());
            }
            let path = module.iter().map(|folder| format!("{folder}/")).collect::<String>() + &name;
            let text = fs::read_to_string(entry.path()).unwrap();
            let syntax = syn::parse_file(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
            let mut imports = Imports::default();
            for item in &syntax.items {
                if let Item::Use(item) = item {
                    imports.take(&item.tree, &mut Vec::new());
                }
            }
            rooms.insert(own, Room { path, text, syntax, named: imports.named, globs: imports.globs });
        }
    }
}

#[derive(Default)]
struct Imports {
    named: BTreeMap<String, ModulePath>,
    globs: Vec<ModulePath>,
}

impl Imports {
    fn take(&mut self, tree: &UseTree, prefix: &mut ModulePath) {
        match tree {
            UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.take(&path.tree, prefix);
                prefix.pop();
            }
            UseTree::Name(name) => self.name(&name.ident.to_string(), &name.ident.to_string(), prefix),
            UseTree::Rename(rename) => {
                self.name(&rename.rename.to_string(), &rename.ident.to_string(), prefix)
            }
            UseTree::Glob(_) => self.globs.push(prefix.clone()),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.take(tree, prefix)),
        }
    }

    fn name(&mut self, as_name: &str, name: &str, prefix: &ModulePath) {
        let (as_name, path) = match name {
            "self" => (prefix.last().cloned().unwrap_or_default(), prefix.clone()),
            _ => (as_name.to_owned(), prefix.iter().cloned().chain([name.to_owned()]).collect()),
        };
        self.named.insert(as_name, path);
    }
}

/// Collects the paths that a file's own code names. Tests inside the file are left out. So are the re-exports of a face: they
/// say where its children's names are to be had, not what it uses.
struct Paths {
    found: Vec<ModulePath>,
    face: bool,
}

impl Paths {
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: ModulePath = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Punct(mark) if mark.as_char() == ':' => colons += 1,
                TokenTree::Ident(word) if colons == 2 && !path.is_empty() => {
                    path.push(word.to_string());
                    colons = 0;
                }
                TokenTree::Ident(word) => {
                    self.end(&mut path);
                    path.push(word.to_string());
                    colons = 0;
                }
                TokenTree::Group(group) => {
                    self.end(&mut path);
                    self.tokens(group.stream());
                }
                _ => self.end(&mut path),
            }
        }
        self.end(&mut path);
    }

    fn end(&mut self, path: &mut ModulePath) {
        if path.len() > 1 {
            self.found.push(path.clone());
        }
        path.clear();
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(item) {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !self.face {
            let mut imports = Imports::default();
            imports.take(&item.tree, &mut Vec::new());
            self.found.extend(imports.named.into_values());
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.found.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.tokens(call.tokens.clone());
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}

fn attributes(item: &Item) -> &[syn::Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

pub(super) fn is_documented(item: &Item) -> bool {
    attributes(item).iter().any(|attribute| attribute.path().is_ident("doc"))
}

/// Whether it is built for tests only.
pub(super) fn is_test(item: &Item) -> bool {
    attributes(item).iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string().contains("test"))
    })
}

/// The word for its kind, its visibility and its name, where it has them.
pub(super) fn named(item: &Item) -> Option<(&'static str, &syn::Visibility, &syn::Ident)> {
    match item {
        Item::Const(item) => Some(("const", &item.vis, &item.ident)),
        Item::Enum(item) => Some(("enum", &item.vis, &item.ident)),
        Item::Fn(item) => Some(("fn", &item.vis, &item.sig.ident)),
        Item::Static(item) => Some(("static", &item.vis, &item.ident)),
        Item::Struct(item) => Some(("struct", &item.vis, &item.ident)),
        Item::Trait(item) => Some(("trait", &item.vis, &item.ident)),
        Item::Type(item) => Some(("type", &item.vis, &item.ident)),
        _ => None,
    }
}

fn defines(file: &syn::File, name: &str) -> bool {
    file.items.iter().any(|item| named(item).is_some_and(|(_, _, ident)| ident == name))
}
