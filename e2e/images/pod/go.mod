module herald.e2e/pod

go 1.26
