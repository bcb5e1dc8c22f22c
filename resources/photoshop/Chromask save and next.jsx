/* Chromask save and next: saves the document in front, closes it, and opens the next one of its export. ECMAScript 3.
   Give it a key in Photoshop under Edit > Keyboard Shortcuts > Application Menus > File > Scripts. */

//@target photoshop
//@include "Chromask core.jsxinc"

(function () {
    var told;
    try {
        told = chromaskSaveAndNext();
    } catch (error) {
        told = error.message;
    }
    if (told) {
        alert(told, "Chromask save and next");
    }
}());
