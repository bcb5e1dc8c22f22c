// Stands in for what the scripts use of Photoshop, ExtendScript and ScriptUI, on the real file system.
// node fake_photoshop.js SCRIPT SCENARIO.json: runs one script and prints what it did as JSON.
"use strict";
const fs = require("fs");
const path = require("path");
const vm = require("vm");

const [script, scenarioFile] = process.argv.slice(2);
const scenario = JSON.parse(fs.readFileSync(scenarioFile, "utf8"));
const done = { opened: [], saved: [], closed: [], alerts: [], shown: [] };

function Folder(name) {
  this.fsName = path.resolve(name);
  this.name = path.basename(this.fsName);
}
Object.defineProperty(Folder.prototype, "parent", {
  get() {
    const above = path.dirname(this.fsName);
    return above === this.fsName ? null : new Folder(above);
  },
});
Folder.prototype.getFiles = function () {
  return fs.readdirSync(this.fsName).map((name) => {
    const whole = path.join(this.fsName, name);
    return fs.statSync(whole).isDirectory() ? new Folder(whole) : new File(whole);
  });
};
Folder.selectDialog = () => (scenario.folder === null ? null : new Folder(scenario.folder));

function File(name) {
  this.fsName = path.resolve(name);
  this.name = path.basename(this.fsName);
  this.error = "";
}
Object.defineProperty(File.prototype, "parent", { get() { return new Folder(path.dirname(this.fsName)); } });
Object.defineProperty(File.prototype, "exists", { get() { return fs.existsSync(this.fsName); } });
File.prototype.open = function () { return true; };
File.prototype.close = function () { return true; };
File.prototype.read = function () {
  if (this.encoding !== "UTF-8") throw new Error("read in another encoding than it was written in");
  return fs.readFileSync(this.fsName, "utf8");
};

class Document {
  constructor(file, saved) {
    this.file = file;
    this.name = file === null ? "Untitled-1" : file.name;
    this.saved = saved;
  }
  get fullName() {
    if (this.file === null) throw new Error("The document has not yet been saved");
    return this.file;
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
const app = {
  documents: [],
  activeDocument: null,
  displayDialogs: DialogModes.ALL,
  preferences: { maximizeCompatibility: QueryStateType.ASK },
  open(file) {
    if (app.displayDialogs !== DialogModes.NO) throw new Error("it would ask");
    if (fs.readFileSync(file.fsName).length === 0) throw new Error("unexpected end of file");
    const document = new Document(file, true);
    app.documents.push(document);
    app.activeDocument = document;
    done.opened.push(file.name);
    return document;
  },
};
for (const open of scenario.documents || []) {
  const document = new Document(open.file === null ? null : new File(open.file), open.saved);
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
  app, File, Folder, Window, DialogModes, QueryStateType, SaveOptions,
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
console.log(JSON.stringify(done));
