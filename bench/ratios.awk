# ratios.awk - makes one row for each figure and peer of several runs: reads
# wanted.csv and then what each run of build/bench --csv printed. Of the runs
# that one stands in the row whose ratio lies in the middle; least and most are
# the ratios of all.
BEGIN {
	FS = OFS = ","
	print "name,unit,ours,peer,peer_value,ratio,low,high,least,most,wanted"
}
FNR == 1 { file++; next }
file == 1 {
	key[++keys] = $1 FS $3
	wanted[$1 FS $3] = $4
	next
}
# Kept in the order of their ratios.
$4 != "" {
	pair = $1 FS $4
	for (i = ++runs[pair]; i > 1 && ratio[pair, i - 1] > $6 + 0; i--) {
		ratio[pair, i] = ratio[pair, i - 1]
		row[pair, i] = row[pair, i - 1]
	}
	ratio[pair, i] = $6 + 0
	row[pair, i] = $0
}
END {
	for (k = 1; k <= keys; k++) {
		pair = key[k]
		n = runs[pair]
		if (n > 0)
			print row[pair, int((n + 1) / 2)], ratio[pair, 1],
				ratio[pair, n], wanted[pair]
	}
}
