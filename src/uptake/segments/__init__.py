"""The filter language of segments: conditions over users and accounts, as data and as text.

Nothing here touches a store: a parsed filter is handed to one as a value.
"""
