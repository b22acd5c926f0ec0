-- Every version of every deal: its row in each extract, also in those that a later extract followed.
{{ extract_rows('deals') }}
