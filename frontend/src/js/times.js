// Moments are written by the server in the product's zone; here they become the reader's own.  "3 min ago" keeps its text
// and gets the full moment as its title.
const full = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' })
const short = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' })
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })

// Intl writes Sept where everything else of the app writes Sep.
const written = (format, moment) => format.format(moment).replace('Sept', 'Sep')

function localise() {
  for (const time of document.querySelectorAll('time[data-local]')) {
    const moment = new Date(time.dateTime)
    time.title = written(full, moment)
    if (time.dataset.local === 'clock') time.textContent = clock.format(moment)
    if (time.dataset.local === 'full') time.textContent = written(full, moment)
    if (time.dataset.local === 'short') time.textContent = written(short, moment)
  }
}

localise()
document.addEventListener('htmx:after:swap', localise)

// What scrolls sideways and is read from its end, such as the latest days, begins there.
for (const box of document.querySelectorAll('[data-at-end]')) box.scrollLeft = box.scrollWidth
