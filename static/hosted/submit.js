// Posts the one form of a page that only carries something on. Without script, its button does.
"use strict";

document.querySelector("form[data-sends-itself]").submit();
