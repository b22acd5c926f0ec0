-- Every version of every deal: its row in each extract, including extracts that a later one replaced.
{{ extract_rows('deals') }}
