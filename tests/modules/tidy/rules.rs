//! The rules of the house.

use std::collections::{BTreeMap, BTreeSet};

use syn::{Item, Type, Visibility};

use super::rooms::{House, Room, is_documented, is_test, named};

const LINES_MAX: usize = 400;
const COMMENT_WIDTH_MAX: usize = 120;

/// Each room with the rooms that it may know. A room not named here is not allowed to be.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("main", &["cli", "commands", "exit", "observe"]),
    ("cli", &["commands", "config", "exit", "observe", "paste"]),
    (
        "commands",
        &[
            "bq_dataset",
            "catalog",
            "client",
            "completeness",
            "config",
            "exit",
            "feed",
            "health",
            "https",
            "keeper",
            "message",
            "observe",
            "paste",
            "pipeline",
            "secret",
            "signals",
            "source",
            "spool",
            "warehouse",
        ],
    ),
    ("completeness", &["catalog", "source", "spool", "warehouse"]),
    ("source", &["https", "locks"]),
    (
        "health",
        &[
            "bq_dataset",
            "catalog",
            "client",
            "config",
            "exit",
            "https",
            "keeper",
            "locks",
            "metrics",
            "observe",
            "paste",
            "pipeline",
            "secret",
            "signals",
            "spool",
            "warehouse",
        ],
    ),
    ("keeper", &["locks", "observe", "signals", "spool"]),
    (
        "pipeline",
        &["catalog", "keeper", "locks", "message", "metrics", "observe", "signals", "spool", "warehouse"],
    ),
    (
        "warehouse",
        &["bq_dataset", "catalog", "https", "locks", "message", "metrics", "observe", "paste", "secret"],
    ),
    ("config", &["bq_dataset", "exit", "observe", "secret", "spool"]),
    ("spool", &["hashed_name", "locks"]),
    ("feed", &["catalog"]),
    ("message", &["catalog"]),
    ("catalog", &["hashed_name"]),
    ("client", &[]),
    ("hashed_name", &[]),
    ("https", &[]),
    ("metrics", &[]),
    ("exit", &["observe"]),
    ("paste", &["observe"]),
    ("bq_dataset", &[]),
    ("locks", &[]),
    ("secret", &[]),
    ("signals", &["locks"]),
    ("observe", &["locks"]),
];

/// Every fault of the house, a line each.
pub(super) fn faults(house: &House) -> Vec<String> {
    let mut faults = Vec::new();
    unknown_rooms(house, &mut faults);
    forbidden_arrows(house, &mut faults);
    circles(house, &mut faults);
    for room in house.rooms.values() {
        faces(room, &mut faults);
        types_elsewhere(room, &mut faults);
        sizes(room, &mut faults);
        undocumented(room, &mut faults);
    }
    names_twice(house, &mut faults);
    faults
}

fn top(path: &str) -> &str {
    path.split(['/', '.']).next().unwrap_or(path)
}

fn may_know(room: &str) -> Option<&'static [&'static str]> {
    MAY_KNOW.iter().find(|(name, _)| *name == room).map(|(_, known)| *known)
}

fn unknown_rooms(house: &House, faults: &mut Vec<String>) {
    let rooms: BTreeSet<&str> = house.rooms.values().map(|room| top(&room.path)).collect();
    faults.extend(rooms.iter().filter(|room| **room != "lib" && may_know(room).is_none()).map(|room| {
        format!("src/{room}: no rule says what this room may know: add it to the list of rooms")
    }));
}

fn forbidden_arrows(house: &House, faults: &mut Vec<String>) {
    for (from, targets) in &house.arrows {
        let Some(known) = may_know(top(from)) else { continue };
        for target in targets {
            if top(target) != top(from) && !known.contains(&top(target)) {
                faults.push(format!("{from}: `{}` must not know `{}` ({target})", top(from), top(target)));
            }
        }
    }
}

/// Names a shortest circle through the first file of each knot of files that reach one another.
fn circles(house: &House, faults: &mut Vec<String>) {
    let mut told: BTreeSet<&String> = BTreeSet::new();
    for start in house.arrows.keys() {
        if told.contains(start) {
            continue;
        }
        if let Some(circle) = circle_through(house, start) {
            told.extend(
                house.arrows.keys().filter(|file| reaches(house, start, file) && reaches(house, file, start)),
            );
            faults.push(format!("circle: {}: give what they share a file of its own", circle.join(" -> ")));
        }
    }
}

fn circle_through(house: &House, start: &String) -> Option<Vec<String>> {
    let mut came_from: BTreeMap<&String, &String> = BTreeMap::new();
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(file) = queue.pop_front() {
        for target in house.arrows.get(file).into_iter().flatten() {
            if target == start {
                let mut circle = vec![start.clone(), file.clone()];
                let mut at = file;
                while at != start {
                    at = came_from[at];
                    circle.push(at.clone());
                }
                circle.reverse();
                return Some(circle);
            }
            if !came_from.contains_key(target) {
                came_from.insert(target, file);
                queue.push_back(target);
            }
        }
    }
    None
}

fn reaches(house: &House, from: &String, to: &String) -> bool {
    let mut seen: BTreeSet<&String> = BTreeSet::new();
    let mut open = vec![from];
    while let Some(file) = open.pop() {
        for target in house.arrows.get(file).into_iter().flatten() {
            if target == to {
                return true;
            }
            if seen.insert(target) {
                open.push(target);
            }
        }
    }
    false
}

fn faces(room: &Room, faults: &mut Vec<String>) {
    if !room.is_face() {
        return;
    }
    let kinds: BTreeSet<&str> = room
        .syntax
        .items
        .iter()
        .filter(|item| !is_test(item))
        .filter_map(|item| match item {
            Item::Mod(_) | Item::Use(_) | Item::Trait(_) => None,
            Item::Impl(_) => Some("impl"),
            item => Some(named(item).map_or("macro", |(kind, _, _)| kind)),
        })
        .collect();
    for kind in kinds {
        faults.push(format!("{}: a face holds no `{kind}`: move it to a file of its own", room.path));
    }
}

fn types_elsewhere(room: &Room, faults: &mut Vec<String>) {
    for item in room.syntax.items.iter().filter(|item| !is_test(item)) {
        let Item::Impl(block) = item else { continue };
        let Type::Path(path) = &*block.self_ty else { continue };
        let Some(segment) = path.path.segments.last() else { continue };
        let name = segment.ident.to_string();
        let is_here = room.syntax.items.iter().any(|item| {
            matches!(item, Item::Struct(_) | Item::Enum(_))
                && named(item).is_some_and(|(_, _, ident)| *ident == name)
        });
        if block.trait_.is_none() && !is_here {
            faults.push(format!("{}: `impl {name}` belongs into the file that defines `{name}`", room.path));
        }
    }
}

fn sizes(room: &Room, faults: &mut Vec<String>) {
    let lines = room.text.lines().count();
    if lines > LINES_MAX {
        faults.push(format!("{}: {lines} lines: {LINES_MAX} are the most", room.path));
    }
    for (number, line) in room.text.lines().enumerate() {
        let width = line.chars().count();
        if line.trim_start().starts_with("//") && width > COMMENT_WIDTH_MAX {
            let number = number + 1;
            let most = COMMENT_WIDTH_MAX;
            faults.push(format!(
                "{}:{number}: a comment line of {width} characters: {most} are the most",
                room.path
            ));
        }
    }
}

fn undocumented(room: &Room, faults: &mut Vec<String>) {
    for item in &room.syntax.items {
        if let Some((_, Visibility::Public(_), name)) = named(item)
            && !is_documented(item)
        {
            faults.push(format!("{}: `{name}` is public and has no doc", room.path));
        }
    }
}

fn names_twice(house: &House, faults: &mut Vec<String>) {
    let mut files: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for room in house.rooms.values() {
        for item in room.syntax.items.iter().filter(|item| !is_test(item)) {
            if let Some(("struct" | "enum" | "trait", _, name)) = named(item) {
                files.entry(name.to_string()).or_default().push(&room.path);
            }
        }
    }
    faults.extend(files.iter().filter(|(_, files)| files.len() > 1).map(|(name, files)| {
        format!("type `{name}` is defined in {}: say what each one is", files.join(", "))
    }));
}
