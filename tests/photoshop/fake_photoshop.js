// Stands in for what the scripts use of Photoshop, ExtendScript and ScriptUI, on the real file system.
// node fake_photoshop.js SCRIPT SCENARIO.json: runs one script and prints what it did as JSON.
"use strict";
const fs = require("fs");
const path = require("path");
const vm = require("vm");

const [script, scenarioFile] = process.argv.slice(2);
const scenario = JSON.parse(fs.readFileSync(scenarioFile, "utf8"));
const done = { opened: [], saved: [], closed: [], alerts: [], shown: [] };

// ExtendScript takes "%20" in any path for a blank, and escapes names that it hands out.
function unescaped(name) {
  return name.replace(/(%[0-9a-fA-F]{2})+/g, (found) => decodeURIComponent(found));
}
function place(item, name) {
  item.fsName = item.onDisk = path.resolve(unescaped(name));
  item.name = encodeURI(path.basename(item.fsName));
  item.displayName = path.basename(item.fsName);
  item.absoluteURI = encodeURI(item.fsName);
}
function Folder(name) {
  place(this, name);
}
Object.defineProperty(Folder.prototype, "parent", {
  get() {
    const above = path.dirname(this.fsName);
    return above === this.fsName ? null : new Folder(encodeURI(above));
  },
});
Folder.prototype.getFiles = function () {
  return fs.readdirSync(this.fsName).map((name) => {
    const whole = path.join(this.fsName, name), uri = encodeURI(whole);
    return fs.statSync(whole).isDirectory() ? new Folder(uri) : new File(uri);
  });
};
Folder.selectDialog = () => (scenario.folder === null ? null : new Folder(encodeURI(scenario.folder)));

function File(name) {
  place(this, name);
  this.error = "";
}
Object.defineProperty(File.prototype, "parent", { get() { return new Folder(encodeURI(path.dirname(this.onDisk))); } });
Object.defineProperty(File.prototype, "exists", { get() { return fs.existsSync(this.onDisk); } });
Object.defineProperty(File.prototype, "length", { get() { return fs.statSync(this.onDisk).size; } });
Object.defineProperty(File.prototype, "modified", { get() { return fs.statSync(this.onDisk).mtime; } });
File.prototype.open = function () { return true; };
File.prototype.close = function () { return true; };
File.prototype.read = function () {
  if (this.encoding !== "UTF-8") throw new Error("read in another encoding than it was written in");
  return fs.readFileSync(this.onDisk, "utf8");
};

class Document {
  constructor(file, saved) {
    this.file = file;
    this.name = file === null ? "Untitled-1" : file.displayName;
    this.saved = saved;
  }
  get fullName() {
    if (this.file === null) throw new Error("The document has not yet been saved");
    // A disk that spells names in its own way.
    const spelled = scenario.spelling ? this.file.fsName.normalize(scenario.spelling) : this.file.fsName;
    const file = new File(encodeURI(this.file.fsName));
    file.fsName = spelled;
    return file;
  }
  save() {
    if (scenario.locked) throw new Error("the file is locked");
    done.saved.push({ name: this.name, compatibility: app.preferences.maximizeCompatibility, dialogs: app.displayDialogs });
    this.saved = true;
  }
  close(options) {
    if (options !== SaveOptions.DONOTSAVECHANGES) throw new Error("it would ask");
    done.closed.push(this.name);
    app.documents.splice(app.documents.indexOf(this), 1);
    app.activeDocument = app.documents[0] || null;
  }
}

const DialogModes = { ALL: "all", ERROR: "error", NO: "no" };
const QueryStateType = { ALWAYS: "always", ASK: "ask", NEVER: "never" };
const SaveOptions = { DONOTSAVECHANGES: "do not save", PROMPTTOSAVECHANGES: "prompt", SAVECHANGES: "save" };
class ActionDescriptor {
  constructor() { this.values = {}; }
  put(kind, id, value) {
    if (typeof value !== kind || typeof id !== "number") throw new Error("an argument is of the wrong type");
    this.values[id] = value;
  }
  get(kind, id) {
    if (typeof this.values[id] !== kind) throw new Error("no such key");
    return this.values[id];
  }
  putString(id, value) { this.put("string", id, value); }
  putBoolean(id, value) { this.put("boolean", id, value); }
  getString(id) { return this.get("string", id); }
  getBoolean(id) { return this.get("boolean", id); }
}
const typeIds = [];
function stringIDToTypeID(name) {
  if (!typeIds.includes(name)) typeIds.push(name);
  return typeIds.indexOf(name);
}
// What another script has left, by name, as {key: value}; and what is left then for the next one.
const customOptions = new Map();
for (const [name, values] of Object.entries(scenario.options || {})) {
  const kept = new ActionDescriptor();
  for (const [id, value] of Object.entries(values)) kept.put(typeof value, stringIDToTypeID(id), value);
  customOptions.set(name, kept);
}
const app = {
  documents: [],
  putCustomOptions(name, kept, isPersistent) {
    if (!(kept instanceof ActionDescriptor) || typeof isPersistent !== "boolean") throw new Error("wrong arguments");
    customOptions.set(name, kept);
  },
  getCustomOptions(name) {
    if (!customOptions.has(name)) throw new Error("no such options");
    return customOptions.get(name);
  },
  activeDocument: null,
  displayDialogs: DialogModes.ALL,
  preferences: { maximizeCompatibility: QueryStateType.ASK },
  open(file) {
    if (app.displayDialogs !== DialogModes.NO) throw new Error("it would ask");
    if (fs.readFileSync(file.onDisk).length === 0) throw new Error("unexpected end of file");
    const document = new Document(file, true);
    app.documents.push(document);
    app.activeDocument = document;
    done.opened.push(file.displayName);
    return document;
  },
};
for (const open of scenario.documents || []) {
  const document = new Document(open.file === null ? null : new File(encodeURI(open.file)), open.saved);
  app.documents.push(document);
  app.activeDocument = document;
}

class Window {
  constructor(kind, title) {
    this.controls = [];
    done.shown.push(title);
  }
  add(kind, bounds, text) {
    const control = kind === "group" ? new Window("group", "") : { kind, text, value: false, enabled: true };
    if (kind !== "group") done.shown.push(text);
    this.controls.push(control);
    return control;
  }
  show() {
    for (const control of this.controls) {
      if (control.kind === "radiobutton") control.value = /^All/.test(control.text) === Boolean(scenario.all);
      if (control.kind === "checkbox") control.value = control.enabled && Boolean(scenario.pending);
    }
    return scenario.cancelled ? 2 : 1;
  }
}

const world = vm.createContext({
  app, File, Folder, Window, ActionDescriptor, stringIDToTypeID, DialogModes, QueryStateType, SaveOptions,
  JSON: undefined, // ExtendScript has none
  alert: (text) => done.alerts.push(text),
});

function run(file) {
  // ExtendScript puts an included file where the comment stands.
  const text = fs.readFileSync(file, "utf8").replace(/^\/\/@include "(.*)"$/gm, (_, name) =>
    fs.readFileSync(path.join(path.dirname(file), name), "utf8"));
  vm.runInContext(text, world, { filename: file });
}

run(script);
done.left = app.documents.map((document) => document.name);
done.front = app.activeDocument === null ? null : app.activeDocument.name;
done.settings = [app.preferences.maximizeCompatibility, app.displayDialogs];
done.options = Object.fromEntries([...customOptions].map(([name, kept]) => [
  name, Object.fromEntries(Object.entries(kept.values).map(([id, value]) => [typeIds[id], value])),
]));
console.log(JSON.stringify(done));
