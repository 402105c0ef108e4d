// Single keys: j k to move in a list (Enter opens), n p to turn pages, f to filter, g + letter to go, ? for help.
// They can be switched off in the dialog, for those whose software types letters for them.
const OFF = 'uptake.keys-off'
const GO_MS = 1200
let goUntil = 0

const enabled = () => localStorage.getItem(OFF) === null
const typing = (element) => element.closest('input, textarea, select, [contenteditable]') !== null

function step(by) {
  const links = [...document.querySelectorAll('.rows .row-link')]
  if (links.length === 0) return
  const here = links.indexOf(document.activeElement)
  const next = links[here < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(Math.max(here + by, 0), links.length - 1)]
  next.focus()
  next.closest('tr').scrollIntoView({ block: 'nearest' })
}

function goTo(key) {
  document.querySelector(`[data-go="${CSS.escape(key)}"]`)?.click()
}

const actions = {
  j: () => step(1),
  k: () => step(-1),
  n: () => document.querySelector('[rel="next"]')?.click(),
  p: () => document.querySelector('[rel="prev"]')?.click(),
  f: () => document.querySelector('[data-filter]')?.focus(),
  g: () => { goUntil = performance.now() + GO_MS },
  '?': () => document.getElementById('shortcuts')?.showModal(),
}

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return
  if (event.key === 'Escape' && event.target.matches('[data-filter]')) return event.target.blur()
  if (typing(event.target) || !enabled() || document.querySelector('dialog[open]')) return
  const going = performance.now() < goUntil
  goUntil = 0
  const action = going ? () => goTo(event.key) : actions[event.key]
  if (!action) return
  event.preventDefault()
  action()
})

document.addEventListener('click', (event) => {
  const opener = event.target.closest('[data-dialog]')
  if (opener) document.getElementById(opener.dataset.dialog)?.showModal()
  if (event.target.matches('dialog[open]')) event.target.close() // the backdrop
})

const box = document.getElementById('keys-on')
if (box) {
  box.checked = enabled()
  box.addEventListener('change', () => (box.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, '1')))
}

export { enabled, typing }
