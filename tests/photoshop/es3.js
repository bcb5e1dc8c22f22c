// node --expose-internals es3.js FILE...: parses each as ECMAScript 3 with the parser that node ships for its own use.
"use strict";
const fs = require("fs");
let acorn;
try {
  acorn = require("internal/deps/acorn/acorn/dist/acorn");
} catch {
  process.exit(77); // a node without it
}
for (const file of process.argv.slice(2)) {
  acorn.parse(fs.readFileSync(file, "utf8"), { ecmaVersion: 3, sourceType: "script" });
}
console.log(acorn.version);
