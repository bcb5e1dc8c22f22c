/* Chromask batch: goes through the documents of an export. ECMAScript 3.
   File > Scripts > Chromask batch asks for the export folder and opens its approved pictures, one after the other or all
   at once; "Chromask save and next" saves the one in front and opens the next. */

//@target photoshop
//@include "Chromask core.jsxinc"

/* What the operator chooses: {all, pending}; null where it was cancelled. */
function chromaskAsk(folder) {
    var approved = chromaskWanted(folder, false).length, pending = chromaskWanted(folder, true).length - approved;
    var isListed = chromaskFile(folder, CHROMASK_LIST).exists;
    var dialog = new Window("dialog", "Chromask batch");
    var text = isListed
        ? approved + " approved, " + pending + " not decided yet"
        : approved + " layered documents; the folder has no " + CHROMASK_LIST + ", so verdicts are not known";
    var one, all, withPending, buttons;
    dialog.alignChildren = "left";
    dialog.add("statictext", undefined, folder.fsName);
    dialog.add("statictext", undefined, text);
    one = dialog.add("radiobutton", undefined, "One after the other, with 'Chromask save and next'");
    all = dialog.add("radiobutton", undefined, "All at once");
    one.value = true;
    withPending = dialog.add("checkbox", undefined, "Pictures that nobody decided on, too");
    withPending.enabled = pending > 0;
    buttons = dialog.add("group");
    buttons.add("button", undefined, "Open", { name: "ok" });
    buttons.add("button", undefined, "Cancel", { name: "cancel" });
    return dialog.show() === 1 ? { all: all.value === true, pending: withPending.value === true } : null;
}

/* Open what was chosen. Returns one sentence where not all of it could be. */
function chromaskBegin(folder, choice) {
    var documents = chromaskWanted(folder, choice.pending), failed = [], opened = 0, i;
    if (!documents.length) {
        return "There is no " + (choice.pending ? "" : "approved ") + "document in " + folder.fsName + ".";
    }
    chromaskRemember(folder, choice.pending);
    for (i = 0; i < documents.length && (choice.all || opened === 0); i += 1) {
        try {
            chromaskOpen(documents[i].file);
            opened += 1;
        } catch (error) {
            failed.push(documents[i].file.displayName + ": " + error.message);
        }
    }
    return failed.length ? "Not opened: " + failed.join("; ") : "";
}

(function () {
    var folder = Folder.selectDialog("The folder of the export"), choice, told;
    if (folder === null) {
        return;
    }
    try {
        choice = chromaskAsk(folder);
        told = choice === null ? "" : chromaskBegin(folder, choice);
    } catch (error) {
        told = error.message;
    }
    if (told) {
        alert(told, "Chromask batch");
    }
}());
