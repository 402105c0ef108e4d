// Segment's browser SDK, for a page that loads the bundle: send(URL, KEY, settings of Segment.io, user)
import { AnalyticsBrowser } from '@segment/analytics-next'

window.send = async (cdnURL, writeKey, settings, user) => {
  const [analytics] = await AnalyticsBrowser.load({ writeKey, cdnURL }, { integrations: { 'Segment.io': settings } })
  await analytics.identify(user, { email: `${user}@example.com`, name: 'Ana', seats: 12 })
  await analytics.group(`${user}-inc`, { name: 'Acme', mrr: 9900 })
  await analytics.track('Report Exported', { format: 'pdf' })
  await analytics.page('Docs', 'Pricing')
  await analytics.screen('Mail', 'Inbox')
  await analytics.alias('someone-else')
}
