// A panel below its button closes when the reader goes elsewhere, or presses Escape.
const open = () => document.querySelectorAll('details.drop[open]')

document.addEventListener('click', (event) => {
  for (const each of open()) if (!each.contains(event.target)) each.open = false
})

document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return
  for (const each of open()) {
    each.open = false
    each.querySelector('summary').focus()
  }
})
