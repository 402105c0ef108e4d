// Global search: "/" or Ctrl-K opens the dialog, arrows choose, Enter goes.  htmx fetches the results.
import { enabled, typing } from './keyboard.js'

const dialog = document.getElementById('search')
const input = dialog?.querySelector('input')
const options = () => [...dialog.querySelectorAll('[role="option"]')]

function open() {
  if (dialog.open) return
  dialog.showModal()
  input.select()
  input.dispatchEvent(new Event('opened'))
}

function choose(option) {
  for (const each of options()) each.setAttribute('aria-selected', String(each === option))
  if (option) {
    input.setAttribute('aria-activedescendant', option.id)
    option.scrollIntoView({ block: 'nearest' })
  } else input.removeAttribute('aria-activedescendant')
}

function move(by) {
  const all = options()
  const here = all.findIndex((each) => each.getAttribute('aria-selected') === 'true')
  if (all.length) choose(all[(here + by + all.length) % all.length])
}

if (dialog) {
  document.addEventListener('click', (event) => {
    if (!event.target.closest('[data-search]')) return
    event.preventDefault()
    open()
  })
  document.addEventListener('keydown', (event) => {
    const slash = event.key === '/' && !typing(event.target) && enabled() && !event.ctrlKey && !event.metaKey
    const control = event.key.toLowerCase() === 'k' && (event.ctrlKey || event.metaKey)
    if (!slash && !control) return
    event.preventDefault()
    open()
  })
  input.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault()
      move(event.key === 'ArrowDown' ? 1 : -1)
    } else if (event.key === 'Escape') {
      event.preventDefault() // the first one would only clear the field
      dialog.close()
    } else if (event.key === 'Enter') {
      event.preventDefault()
      dialog.querySelector('[role="option"][aria-selected="true"]')?.click()
    }
  })
  document.addEventListener('htmx:after:swap', (event) => {
    if (dialog.open && dialog.contains(event.target)) choose(options()[0])
  })
}
