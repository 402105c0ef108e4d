// Loaded on every page: htmx, and the few scripts that are ours.  Every one of them listens on the document, so that what
// htmx swaps in needs no setting up.
import 'htmx.org'
import './js/copy.js'
import './js/editor.js'
import './js/drops.js'
import './js/forms.js'
import './js/keyboard.js'
import './js/live.js'
import './js/search.js'
import './js/tabs.js'
import './js/theme.js'
import './js/times.js'
import './js/trouble.js'
