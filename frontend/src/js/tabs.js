// Tabs: the arrow keys move, the panel follows.
function show(tab) {
  for (const each of tab.parentElement.querySelectorAll('[role="tab"]')) {
    const on = each === tab
    each.setAttribute('aria-selected', String(on))
    each.tabIndex = on ? 0 : -1
    document.getElementById(each.getAttribute('aria-controls')).hidden = !on
  }
}

document.addEventListener('click', (event) => {
  const tab = event.target.closest('[role="tab"]')
  if (tab) show(tab)
})

document.addEventListener('keydown', (event) => {
  if (!event.target.matches?.('[role="tab"]')) return
  const all = [...event.target.parentElement.querySelectorAll('[role="tab"]')]
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
  const next = event.key === 'Home' ? all[0] : event.key === 'End' ? all.at(-1)
    : by && all[(all.indexOf(event.target) + by + all.length) % all.length]
  if (!next) return
  event.preventDefault()
  show(next)
  next.focus()
})

// On small screens the settings' navigation is a row that scrolls: where one is, is in sight.
document.querySelector('.settings-nav [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' })
