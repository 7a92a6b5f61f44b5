"""The core ``Stylizer`` (arrays in, arrays out), and stills and albums from files."""
