// Features are put in order by dragging their grip, and events are dragged from one feature to another.  Everything it does
// is moving elements of a form, whose order and names are what is posted; buttons do the same without dragging.
let held = null

const cardOf = (element) => element?.closest('.feature-card')
const chipsOf = (card) => card?.querySelector('[data-events]')

// A card can be dragged only by its grip, so that its fields can still be marked with the mouse.
document.addEventListener('pointerdown', (event) => {
  const card = cardOf(event.target.closest?.('[data-grip]'))
  if (card) card.draggable = true
})

document.addEventListener('dragstart', (event) => {
  held = event.target.closest?.('.event-chip, .feature-card')
  if (!held) return
  event.dataTransfer.effectAllowed = 'move'
  event.dataTransfer.setData('text/plain', '')
  held.classList.add('held')
})

document.addEventListener('dragover', (event) => {
  const card = held && cardOf(event.target)
  if (!card) return
  event.preventDefault()
  if (held.classList.contains('feature-card') && held !== card) {
    const { top, height } = card.getBoundingClientRect()
    card[event.clientY < top + height / 2 ? 'before' : 'after'](held)
  }
  for (const each of document.querySelectorAll('.feature-card.over')) each.classList.remove('over')
  if (held.classList.contains('event-chip')) card.classList.add('over')
})

document.addEventListener('drop', (event) => {
  const chips = held?.classList.contains('event-chip') && chipsOf(cardOf(event.target))
  if (!chips) return
  event.preventDefault()
  chips.querySelector('[data-none]')?.remove()
  held.querySelector('input').name = chips.dataset.events
  chips.append(held)
})

document.addEventListener('dragend', () => {
  for (const each of document.querySelectorAll('.feature-card')) { each.draggable = false; each.classList.remove('over') }
  held?.classList.remove('held')
  held = null
})
