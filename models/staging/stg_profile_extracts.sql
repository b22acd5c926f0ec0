-- Every row of branch_profiles as each extract stated it, including rows that a later extract replaced.
{{ extract_rows('branch_profiles') }}
