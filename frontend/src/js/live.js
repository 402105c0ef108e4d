// What refreshes by itself (`data-live`) rests while it is paused, while the tab is hidden, and while a reader is in it.
const paused = (element) => element.closest('.paused') !== null

document.addEventListener('htmx:before:request', (event) => {
  const element = event.target
  if (!element.matches?.('[data-live]')) return
  const selecting = !getSelection().isCollapsed && element.contains(getSelection().anchorNode)
  if (paused(element) || document.hidden || selecting) event.preventDefault()
})

document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-pause]')
  if (!button) return
  const area = document.getElementById(button.dataset.pause)
  const now = area.classList.toggle('paused')
  button.setAttribute('aria-pressed', String(now))
  button.querySelector('[data-label]').textContent = now ? 'Resume' : 'Pause'
  area.querySelector('.live-state').textContent = now ? 'Paused' : 'Updating'
})
