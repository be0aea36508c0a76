"""What ``doctor`` looks at, part by part. Each part gives findings; nothing is built, pushed or signed."""
