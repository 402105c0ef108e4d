// Segment's Node SDK sends one call of each type: node analytics_node.mjs URL KEY
import { Analytics } from '@segment/analytics-node'

const [host, writeKey] = process.argv.slice(2)
const analytics = new Analytics({ writeKey, host, maxRetries: 5, flushInterval: 100 })
const faults = []
analytics.on('error', (error) => faults.push(error))

const userId = 'node'
analytics.identify({ userId, traits: { email: 'node@example.com', name: 'Ana', seats: 12 } })
analytics.group({ userId, groupId: 'node-inc', traits: { name: 'Acme', mrr: 9900 } })
analytics.track({ userId, event: 'Report Exported', properties: { format: 'pdf' } })
analytics.page({ userId, name: 'Pricing' })
analytics.screen({ userId, name: 'Inbox' })
analytics.alias({ userId, previousId: 'visitor' })
await analytics.closeAndFlush({ timeout: 100_000 })
if (faults.length) throw faults[0]
